"""Pictures per second by precision: in batches, one by one, and with decoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from search.config import engine_settings
from search.encoders.compact.engine import CompactEncoder
from search.encoders.protocol import Pixels
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.types import Vectors
from tools.bench.timing import Run, rates, time_interleaved
from tools.bench.torch_baseline import PlainTorchEncoder

EAGER = "eager"

Encode = Callable[[Sequence[Pixels]], Vectors]


@dataclass(frozen=True, slots=True)
class PictureRates:
    """Pictures per second by precision, `eager` among them."""

    batch_size: int
    batch: dict[str, float]
    single: dict[str, float]
    with_decoding: dict[str, float]


def measure_pictures(
    encoders: Mapping[str, CompactEncoder], files: Sequence[Path], repetitions: int
) -> PictureRates:
    """Measure encoders by precision.

    The model alone encodes one batch of the files; with decoding, all files are encoded.
    """
    some = next(iter(encoders.values()))
    encodes: dict[str, Encode] = {EAGER: PlainTorchEncoder(some).encode_pictures}
    encodes |= {name: encoder.encode_pictures for name, encoder in encoders.items()}
    prepare = _preparation(some)
    batch = [prepare(file) for file in files[: some.picture_batch_size]]
    singles = batch[: max(1, len(batch) // 4)]
    with ThreadPoolExecutor() as pool:
        return PictureRates(
            len(batch),
            _rates(
                {name: _batched(encode, batch) for name, encode in encodes.items()},
                len(batch),
                repetitions,
            ),
            _rates(
                {name: _one_by_one(encode, singles) for name, encode in encodes.items()},
                len(singles),
                repetitions,
            ),
            _rates(
                {
                    name: _decode_and_encode(encode, files, prepare, pool, some.picture_batch_size)
                    for name, encode in encodes.items()
                },
                len(files),
                max(1, repetitions // 2),
            ),
        )


def _rates(runs: Mapping[str, Run], size: int, repetitions: int) -> dict[str, float]:
    return rates(time_interleaved(runs, repetitions), size)


def _preparation(encoder: CompactEncoder) -> Callable[[Path], Pixels]:
    limits = PictureLimits.from_settings(engine_settings())
    return lambda file: encoder.prepare_picture(
        decode_picture(file, limits, at_least=encoder.decode_size)
    )


def _batched(encode: Encode, batch: Sequence[Pixels]) -> Run:
    return lambda: encode(batch)


def _one_by_one(encode: Encode, batch: Sequence[Pixels]) -> Run:
    return lambda: [encode([picture]) for picture in batch]


def _decode_and_encode(
    encode: Encode,
    files: Sequence[Path],
    prepare: Callable[[Path], Pixels],
    pool: ThreadPoolExecutor,
    size: int,
) -> Run:
    """Return a run in which threads decode the files ahead of the model."""

    def run() -> None:
        prepared = pool.map(prepare, files)
        for start in range(0, len(files), size):
            encode([next(prepared) for _ in files[start : start + size]])

    return run

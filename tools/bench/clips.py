"""Speed of clip encoding: decoding alone, the model alone, and both overlapped as in the worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from django.conf import settings

from indexer.encoding.clip_encoding import encode_clips
from indexer.encoding.clip_reading import encodable_modalities, start_decoding
from indexer.encoding.contents import Content
from indexer.encoding.jobs import Job
from indexer.encoding.piece_queue import Piece, PieceError, PieceQueue
from search.config import engine_settings
from search.encoders.protocol import TunableEncoder
from search.encoders.registry import load_encoder
from search.errors import InputError
from search.types import Modality
from tools.bench.drawn_clips import draw_film, draw_sound

_SAMPLE_INTERVAL_S = 0.05
_LENGTH_RATIO = 6
"""PeakMemory is compared with that of a clip so many times shorter."""


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """Peak memory while a clip is encoded, in bytes: of this process, and of its children."""

    parent: int
    children: int


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """Speeds in times real time, and the number of views of a clip of `seconds`.

    `processor_s` is the CPU time of the overlapped run, children included: unlike the speeds, it
    hardly depends on other load. `memory_before` is the peak of a clip that is six times shorter;
    None for a given clip.
    """

    kind: str
    seconds: float
    views: int
    decode_alone: float
    encode_alone: float
    overlapped: float
    processor_s: float
    memory_before: PeakMemory | None
    memory: PeakMemory


@dataclass(frozen=True, slots=True)
class ClipReport:
    """Figures by clip."""

    cpus: int
    preset: str
    clips: tuple[ClipFigures, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_clips(seconds: int, given: Path | None = None) -> ClipReport:
    """Measure a film, drawn with this length (854 × 480 with sound) or given, and drawn sound.

    The sound is left out if the encoder does not support audio.
    """
    encoder = load_encoder(engine_settings())
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=settings.MEDIA_ROOT) as folder:
        root = Path(folder)
        if given:
            film = root / given.name
            film.write_bytes(given.read_bytes())
            figures = [_measure(Modality.VIDEO, film, None, encoder)]
        else:
            short, film = (
                draw_film(root / f"{length}.mp4", length) for length in _lengths(seconds)
            )
            figures = [_measure(Modality.VIDEO, film, short, encoder)]
        if encodable_modalities(encoder, Modality.AUDIO):
            short, sound = (
                draw_sound(root / f"{length}.flac", length) for length in _lengths(seconds)
            )
            figures.append(_measure(Modality.AUDIO, sound, short, encoder))
    return ClipReport(len(psutil.Process().cpu_affinity()), encoder.space.preset, tuple(figures))


def _lengths(seconds: int) -> tuple[int, int]:
    return max(1, seconds // _LENGTH_RATIO), seconds


def _measure(
    kind: Modality, path: Path, short: Path | None, encoder: TunableEncoder
) -> ClipFigures:
    # The first clip also loads the model.
    _, first = _encode_overlapped(kind, short or path, encoder)
    used = _processor_s()
    overlapped, memory = _encode_overlapped(kind, path, encoder)
    used = _processor_s() - used
    content = _content(path)
    with _start_decoding(content, kind, encoder) as queue:
        began = time.perf_counter()
        pieces = list(queue)
        decoded = time.perf_counter() - began
    seconds = max((piece.span.end for piece in pieces if isinstance(piece, Piece)), default=0.0)
    if not seconds:
        raise InputError("the clip has no readable part", value=path.name)
    encoded = _time_encoding(kind, content, _replay(pieces), encoder)
    return ClipFigures(
        kind=kind.value,
        seconds=seconds,
        views=len(pieces),
        decode_alone=seconds / decoded,
        encode_alone=seconds / encoded,
        overlapped=seconds / overlapped,
        processor_s=used,
        memory_before=first if short else None,
        memory=memory,
    )


def _content(path: Path) -> Content:
    return Content(Job(0, "", 0), str(path.relative_to(settings.MEDIA_ROOT)))


def _encode_overlapped(
    kind: Modality, path: Path, encoder: TunableEncoder
) -> tuple[float, PeakMemory]:
    """Seconds it takes to decode and encode a clip at once, and the memory that takes."""
    content = _content(path)
    with _start_decoding(content, kind, encoder) as queue, _sample_memory() as samples:
        duration = _time_encoding(kind, content, queue, encoder)
    own, children = zip(*samples, strict=True) if samples else ((0,), (0,))
    return duration, PeakMemory(max(own), max(children))


def _processor_s() -> float:
    """Return the CPU time of this process and of its ended children."""
    duration = psutil.Process().cpu_times()
    return float(
        duration.user + duration.system + duration.children_user + duration.children_system
    )


@contextmanager
def _start_decoding(
    content: Content, kind: Modality, encoder: TunableEncoder
) -> Iterator[PieceQueue]:
    with ThreadPoolExecutor(1) as decoders:
        yield start_decoding(kind, [content], encoder, decoders)[0]


def _replay(pieces: Sequence[Piece | PieceError]) -> PieceQueue:
    """Return a queue of decoded pieces."""
    queue = PieceQueue()

    def put() -> None:
        for piece in pieces:
            queue.put(piece)
        queue.end()

    threading.Thread(target=put, daemon=True).start()
    return queue


def _time_encoding(
    kind: Modality, content: Content, queue: PieceQueue, encoder: TunableEncoder
) -> float:
    began = time.perf_counter()
    batch = encode_clips(kind, [content], [queue], encoder)
    if batch.failed:
        raise InputError("the clip cannot be encoded", value=batch.failed[0].error.message)
    return time.perf_counter() - began


Samples = list[tuple[int, int]]
"""Bytes of this process, and of its children together, at equal intervals."""


@contextmanager
def _sample_memory() -> Iterator[Samples]:
    samples: Samples = []
    stop = threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not stop.wait(_SAMPLE_INTERVAL_S):
            samples.append(
                (process.memory_info().rss, sum(map(_resident, process.children(recursive=True))))
            )

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0

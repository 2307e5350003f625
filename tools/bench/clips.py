"""How fast clips are taken in: decoding alone, the model alone, and both overlapped as the
worker runs them.
"""

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

from indexer.encoding.claiming import Job
from indexer.encoding.clip_encoding import encode_clips
from indexer.encoding.clip_reading import encodable_modalities, start_decoding
from indexer.encoding.contents import Content
from indexer.encoding.piece_queue import Piece, PieceError, PieceQueue
from search.config import engine_settings
from search.encoders.protocol import TunableEncoder
from search.encoders.registry import load_encoder
from search.errors import InputError
from search.types import Modality
from tools.bench.drawn_clips import draw_film, draw_sound

_SAMPLE_S = 0.05
_SHORTER = 6
"""Memory is compared with that of a clip so many times shorter."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes held at most while a clip is taken in: by this process, and by its children."""

    parent: int
    children: int


@dataclass(frozen=True, slots=True)
class ClipFigures:
    """Times real time at which a clip of `seconds` is taken in, and how many views it becomes.

    `processor_s` is the processor time of taking it in overlapped, children included: unlike the
    rates, it hardly depends on what else the machine does. `memory_before` is that of a clip six
    times shorter, taken in before it; None for a given clip.
    """

    kind: str
    seconds: float
    views: int
    decode_alone: float
    encode_alone: float
    overlapped: float
    processor_s: float
    memory_before: Memory | None
    memory: Memory


@dataclass(frozen=True, slots=True)
class ClipReport:
    cpus: int
    preset: str
    clips: tuple[ClipFigures, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_clips(seconds: int, given: Path | None = None) -> ClipReport:
    """Of a drawn film of this length, 854 × 480 with sound, or a given one; of drawn sound where
    the encoder hears.
    """
    encoder = load_encoder(engine_settings())
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=settings.MEDIA_ROOT) as folder:
        place = Path(folder)
        if given:
            film = place / given.name
            film.write_bytes(given.read_bytes())
            figures = [_measure(Modality.VIDEO, film, None, encoder)]
        else:
            short, film = (
                draw_film(place / f"{length}.mp4", length) for length in _lengths(seconds)
            )
            figures = [_measure(Modality.VIDEO, film, short, encoder)]
        if encodable_modalities(encoder, Modality.AUDIO):
            short, sound = (
                draw_sound(place / f"{length}.flac", length) for length in _lengths(seconds)
            )
            figures.append(_measure(Modality.AUDIO, sound, short, encoder))
    return ClipReport(len(psutil.Process().cpu_affinity()), encoder.space.preset, tuple(figures))


def _lengths(seconds: int) -> tuple[int, int]:
    return max(1, seconds // _SHORTER), seconds


def _measure(
    kind: Modality, path: Path, short: Path | None, encoder: TunableEncoder
) -> ClipFigures:
    # The first clip also loads the model.
    _, first = _encode_overlapped(kind, short or path, encoder)
    used = _processor_s()
    overlapped, memory = _encode_overlapped(kind, path, encoder)
    used = _processor_s() - used
    content = _content(path)
    with _start_decoding(content, kind, encoder) as feed:
        began = time.perf_counter()
        pieces = list(feed)
        decoded = time.perf_counter() - began
    seconds = max((piece.span.end for piece in pieces if isinstance(piece, Piece)), default=0.0)
    if not seconds:
        raise InputError("nothing can be read of the clip", value=path.name)
    encoded = _time_encoding(kind, content, _replay(pieces), encoder)
    rates = (seconds / spent for spent in (decoded, encoded, overlapped))
    return ClipFigures(
        kind.value, seconds, len(pieces), *rates, used, first if short else None, memory
    )


def _content(path: Path) -> Content:
    return Content(Job(0, "", 0), str(path.relative_to(settings.MEDIA_ROOT)))


def _encode_overlapped(kind: Modality, path: Path, encoder: TunableEncoder) -> tuple[float, Memory]:
    """Seconds it takes to decode and encode a clip at once, and the memory that takes."""
    content = _content(path)
    with _start_decoding(content, kind, encoder) as feed, _sample_memory() as samples:
        spent = _time_encoding(kind, content, feed, encoder)
    own, children = zip(*samples, strict=True) if samples else ((0,), (0,))
    return spent, Memory(max(own), max(children))


def _processor_s() -> float:
    """Of this process and of the children that have ended."""
    spent = psutil.Process().cpu_times()
    return float(spent.user + spent.system + spent.children_user + spent.children_system)


@contextmanager
def _start_decoding(
    content: Content, kind: Modality, encoder: TunableEncoder
) -> Iterator[PieceQueue]:
    with ThreadPoolExecutor(1) as decoders:
        yield start_decoding(kind, [content], encoder, decoders)[0]


def _replay(pieces: Sequence[Piece | PieceError]) -> PieceQueue:
    """A feed of what has been decoded already."""
    feed = PieceQueue()

    def put() -> None:
        for piece in pieces:
            feed.put(piece)
        feed.end()

    threading.Thread(target=put, daemon=True).start()
    return feed


def _time_encoding(
    kind: Modality, content: Content, feed: PieceQueue, encoder: TunableEncoder
) -> float:
    began = time.perf_counter()
    batch = encode_clips(kind, [content], [feed], encoder)
    if batch.set_aside:
        raise InputError("the clip was refused", value=batch.set_aside[0].fault.message)
    return time.perf_counter() - began


Samples = list[tuple[int, int]]
"""Bytes of this process, and of its children together, at equal intervals."""


@contextmanager
def _sample_memory() -> Iterator[Samples]:
    samples: Samples = []
    stop = threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not stop.wait(_SAMPLE_S):
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

"""Decode clips: a file becomes pieces that a model can take. Uses no database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from indexer.encoding.contents import Content, EncodeError
from indexer.encoding.files import local_file
from indexer.encoding.piece_queue import Piece, PieceError, PieceQueue
from search.config import engine_settings
from search.encoders.protocol import TunableEncoder, require_audio, supports_audio
from search.errors import MediaError, MediaUnreadable, ModalityUnsupported, Unavailable
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.frame_views import crop_frame_views
from search.media.keyframes import read_key_frames
from search.media.limits import ClipLimits
from search.media.subtitles import read_subtitles
from search.modalities import MODALITIES
from search.types import Modality

DECODE_ERRORS = (MediaError, ModalityUnsupported, Unavailable, MemoryError, OSError)
"""Errors that decoding a clip may raise."""


def start_decoding(
    kind: Modality, contents: Sequence[Content], encoder: TunableEncoder, decoders: Executor
) -> list[PieceQueue]:
    """Submit these clips to the decoders and return their queues.

    Read the queues in this order: a decoder that waits for its full queue may be the one that the
    next clip waits for.
    """
    queues = [PieceQueue() for _ in contents]
    for content, queue in zip(contents, queues, strict=True):
        decoders.submit(_read_clip, content, kind, encoder, queue)
    return queues


def _read_clip(
    content: Content, kind: Modality, encoder: TunableEncoder, queue: PieceQueue
) -> None:
    """Read, decode and preprocess a stored clip into its queue, in a thread of the pool."""
    limits = ClipLimits.from_settings(engine_settings())
    wanted = encodable_modalities(encoder, kind)
    try:
        if wanted:
            _read_file(content.value, wanted, limits, encoder, queue)
    except BaseException as error:  # raised again by the reader of the queue
        queue.end(error)
    else:
        queue.end()


def _read_file(
    name: str,
    wanted: Sequence[Modality],
    limits: ClipLimits,
    encoder: TunableEncoder,
    queue: PieceQueue,
) -> None:
    try:
        with local_file(name, limits.max_bytes) as path:
            _Clip(path, limits, encoder, list(wanted)).read(queue)
    except DECODE_ERRORS as error:
        queue.put(PieceError(wanted[-1], EncodeError.of(error)))


def encodable_modalities(encoder: TunableEncoder, kind: Modality) -> tuple[Modality, ...]:
    """Return the modalities of an asset's views that the encoder supports."""
    audio = supports_audio(encoder)
    views = MODALITIES[kind].view_modalities
    return tuple(modality for modality in views if audio or modality is not Modality.AUDIO)


@dataclass
class _Clip:
    """A file on disk, and the modalities that are still wanted."""

    path: Path
    limits: ClipLimits
    encoder: TunableEncoder
    wanted: list[Modality]

    def read(self, queue: PieceQueue) -> None:
        """Read one modality after another. An error in one does not affect the others."""
        for modality, read in (
            (Modality.VIDEO, self._frames),
            (Modality.AUDIO, self._windows),
            (Modality.TEXT, self._subtitles),
        ):
            if modality not in self.wanted:
                continue
            try:
                for piece in read():
                    queue.put(piece)
            except DECODE_ERRORS as error:
                queue.put(PieceError(modality, EncodeError.of(error)))
                # Of a broken clip, the sound is still tried, but not the subtitles.
                self.wanted = [each for each in self.wanted if each is not Modality.TEXT]

    def _frames(self) -> Iterator[Piece | PieceError]:
        seen = read_key_frames(self.path, self.limits, side=self.encoder.decode_size)
        # Opening a track costs a process, so only those that exist are opened.
        self.wanted = [each for each in self.wanted if MODALITIES[each].track in seen.other_tracks]
        for shown in seen.frames:
            views = [self.encoder.prepare_picture(view) for view in crop_frame_views(shown.picture)]
            yield Piece(Modality.VIDEO, shown.span, views)
        if seen.truncated:
            yield _truncated(Modality.VIDEO)

    def _windows(self) -> Iterator[Piece | PieceError]:
        encoder = require_audio(self.encoder)
        with closing(open_audio(self.path, self.limits, encoder.audio_format.rate)) as reader:
            for span, window in cut_audio_windows(reader, encoder.audio_format):
                yield Piece(Modality.AUDIO, span, encoder.prepare_audio(window))
        if reader.truncated:
            yield _truncated(Modality.AUDIO)

    def _subtitles(self) -> Iterator[Piece | PieceError]:
        for span, text in read_subtitles(self.path, self.limits):
            yield Piece(Modality.TEXT, span, text)


def _truncated(modality: Modality) -> PieceError:
    return PieceError(
        modality,
        EncodeError.of(MediaUnreadable("the clip is truncated; its beginning is searchable")),
    )

"""The decoders' part of a clip: its file becomes pieces that a model can take. Uses no database."""

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
"""What decoding a clip is known to raise."""


def start_decoding(
    kind: Modality, contents: Sequence[Content], encoder: TunableEncoder, decoders: Executor
) -> list[PieceQueue]:
    """Let decoders begin with these clips. They are to be taken in this order: a decoder that
    waits for its clip to be taken may be the one that the next clip waits for.
    """
    feeds = [PieceQueue() for _ in contents]
    for content, feed in zip(contents, feeds, strict=True):
        decoders.submit(_read_clip, content, kind, encoder, feed)
    return feeds


def _read_clip(content: Content, kind: Modality, encoder: TunableEncoder, feed: PieceQueue) -> None:
    """Read, decode and preprocess a stored clip into its feed. Runs in a thread of the decoding
    pool.
    """
    limits = ClipLimits.from_settings(engine_settings())
    wanted = encodable_modalities(encoder, kind)
    try:
        if wanted:
            _read_file(content.value, wanted, limits, encoder, feed)
    except BaseException as error:  # raised again where the pieces are taken
        feed.end(error)
    else:
        feed.end()


def _read_file(
    name: str,
    wanted: Sequence[Modality],
    limits: ClipLimits,
    encoder: TunableEncoder,
    feed: PieceQueue,
) -> None:
    try:
        with local_file(name, limits.max_bytes) as path:
            _Clip(path, limits, encoder, list(wanted)).read(feed)
    except DECODE_ERRORS as error:
        feed.put(PieceError(wanted[-1], EncodeError.of(error)))


def encodable_modalities(encoder: TunableEncoder, kind: Modality) -> tuple[Modality, ...]:
    """Modalities of an asset's views that the encoder can make; a deaf one makes none of a
    sound.
    """
    audio = supports_audio(encoder)
    views = MODALITIES[kind].view_modalities
    return tuple(modality for modality in views if audio or modality is not Modality.AUDIO)


@dataclass
class _Clip:
    """A file on disk, and what is still wanted of it."""

    path: Path
    limits: ClipLimits
    encoder: TunableEncoder
    wanted: list[Modality]

    def read(self, feed: PieceQueue) -> None:
        """One modality after another; what is wrong with one is told and does not concern the
        others.
        """
        for modality, read in (
            (Modality.VIDEO, self._frames),
            (Modality.AUDIO, self._sounds),
            (Modality.TEXT, self._subtitles),
        ):
            if modality not in self.wanted:
                continue
            try:
                for piece in read():
                    feed.put(piece)
            except DECODE_ERRORS as error:
                feed.put(PieceError(modality, EncodeError.of(error)))
                # What cannot be seen may still be heard, but is not read.
                self.wanted = [each for each in self.wanted if each is not Modality.TEXT]

    def _frames(self) -> Iterator[Piece | PieceError]:
        seen = read_key_frames(self.path, self.limits, side=self.encoder.decode_size)
        # Looking for a track costs a process.
        self.wanted = [each for each in self.wanted if MODALITIES[each].track in seen.other_tracks]
        for shown in seen.frames:
            views = [self.encoder.prepare_picture(view) for view in crop_frame_views(shown.picture)]
            yield Piece(Modality.VIDEO, shown.span, views)
        if seen.truncated:
            yield _broke_off(Modality.VIDEO)

    def _sounds(self) -> Iterator[Piece | PieceError]:
        encoder = require_audio(self.encoder)
        with closing(open_audio(self.path, self.limits, encoder.audio_format.rate)) as reader:
            for span, window in cut_audio_windows(reader, encoder.audio_format):
                yield Piece(Modality.AUDIO, span, encoder.prepare_audio(window))
        if reader.truncated:
            yield _broke_off(Modality.AUDIO)

    def _subtitles(self) -> Iterator[Piece | PieceError]:
        for span, text in read_subtitles(self.path, self.limits):
            yield Piece(Modality.TEXT, span, text)


def _broke_off(modality: Modality) -> PieceError:
    return PieceError(
        modality,
        EncodeError.of(MediaUnreadable("the clip broke off; what came before is searchable")),
    )

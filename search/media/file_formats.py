"""Detects the format of a file from its first bytes.

The name and the declared type of an upload are not trusted. The list is closed on purpose: it
pins the one demuxer that FFmpeg may use for a clip. Playlists (HLS, DASH, concat, ASX) are text
and match nothing here, so no file can make FFmpeg open another file or address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from search.errors import MediaUnreadable, MediaUnsupported
from search.modalities import MODALITIES
from search.types import Modality

HEAD_BYTES = 64
ACCEPTED = MODALITIES.accepted_formats

Source = bytes | Path | BinaryIO
"""A file's content, its path, or an open binary stream (read from its current position)."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format, and its readers: Pillow's plugin, FFmpeg's demuxer.

    A format without a reader is known but not accepted. `kind` is the usual one: `probe_clip`
    finds out whether an MP4, Matroska or OGG container holds video.
    """

    name: str
    kind: Modality
    pillow: str = ""
    demuxer: str = ""

    @property
    def is_accepted(self) -> bool:
        return bool(self.pillow or self.demuxer)


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _riff(form: bytes, *chunks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(chunks or (b"RIFF",)) and head[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


def _atom(*names: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[4:8] in names


def _mpeg_audio(layer_bits: frozenset[int]) -> Callable[[bytes], bool]:
    """Match frame sync (eleven ones) and two bits of the layer: 0 is ADTS AAC, 1 is layer III."""
    return lambda head: (
        len(head) > 2
        and head[0] == 0xFF
        and head[1] & 0xE0 == 0xE0
        and (head[1] >> 1) & 3 in layer_bits
    )


_PICTURE, _AUDIO, _VIDEO = Modality.PICTURE, Modality.AUDIO, Modality.VIDEO
_FORMATS: tuple[tuple[Callable[[bytes], bool], FileFormat], ...] = (
    (_starts(b"\xff\xd8\xff"), FileFormat("jpeg", _PICTURE, pillow="JPEG")),
    (_starts(b"\x89PNG\r\n\x1a\n"), FileFormat("png", _PICTURE, pillow="PNG")),
    (_starts(b"GIF87a", b"GIF89a"), FileFormat("gif", _PICTURE, pillow="GIF", demuxer="gif")),
    (_riff(b"WEBP"), FileFormat("webp", _PICTURE, pillow="WEBP", demuxer="webp")),
    (_starts(b"BM"), FileFormat("bmp", _PICTURE, pillow="BMP")),
    (_starts(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), FileFormat("tiff", _PICTURE, pillow="TIFF")),
    (_brand(b"avif", b"avis"), FileFormat("avif", _PICTURE, pillow="AVIF")),
    (
        _brand(b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"),
        FileFormat("heif", _PICTURE),
    ),
    (_starts(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), FileFormat("jpeg 2000", _PICTURE)),
    (_starts(b"8BPS"), FileFormat("photoshop", _PICTURE)),
    (_starts(b"%!PS", b"\xc5\xd0\xd3\xc6"), FileFormat("postscript", _PICTURE)),
    (_riff(b"WAVE", b"RIFF", b"RF64"), FileFormat("wav", _AUDIO, demuxer="wav")),
    (_starts(b"fLaC"), FileFormat("flac", _AUDIO, demuxer="flac")),
    (_starts(b"OggS"), FileFormat("ogg", _AUDIO, demuxer="ogg")),
    (_riff(b"AIFF", b"FORM"), FileFormat("aiff", _AUDIO, demuxer="aiff")),
    (_riff(b"AIFC", b"FORM"), FileFormat("aiff", _AUDIO, demuxer="aiff")),
    (_brand(b"M4A ", b"M4B "), FileFormat("m4a", _AUDIO, demuxer="mov")),
    (_atom(b"ftyp", b"moov", b"mdat", b"wide"), FileFormat("mp4", _VIDEO, demuxer="mov")),
    (_starts(b"\x1a\x45\xdf\xa3"), FileFormat("matroska", _VIDEO, demuxer="matroska")),
    (_riff(b"AVI "), FileFormat("avi", _VIDEO, demuxer="avi")),
    (_starts(b"ID3"), FileFormat("mp3", _AUDIO, demuxer="mp3")),
    (_mpeg_audio(frozenset({1})), FileFormat("mp3", _AUDIO, demuxer="mp3")),
    (_mpeg_audio(frozenset({0})), FileFormat("aac", _AUDIO, demuxer="aac")),
)


def sniff_format(head: bytes) -> FileFormat | None:
    """Return the format of a file that starts with `head` (64 bytes are enough), if known."""
    return next((known for matches, known in _FORMATS if matches(head)), None)


def read_head(source: Source) -> bytes:
    """Return the first bytes of `source`; the position of an open stream is restored."""
    if isinstance(source, bytes):
        return source[:HEAD_BYTES]
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    position = source.tell()
    head = source.read(HEAD_BYTES)
    source.seek(position)
    return head


def detect_format(source: Source) -> FileFormat:
    """Return the format of `source`.

    Raises MediaUnreadable for an empty file, MediaUnsupported for a format that is not accepted.
    """
    head = read_head(source)
    if not head:
        raise MediaUnreadable("the file is empty", value=0, fix="Upload the file again.")
    found = sniff_format(head)
    if found is None or not found.is_accepted:
        name = found.name if found else "unknown"
        raise MediaUnsupported(
            "the format is not accepted", value=name, fix=f"Accepted: {ACCEPTED}."
        )
    return found

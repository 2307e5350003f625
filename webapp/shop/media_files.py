"""Stored media files: the types that browsers may show, and thumbnails of pictures.

Thumbnails are WebP copies made on first request under the var folder; they may be deleted.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from PIL import Image

from search.config import engine_settings
from search.files import write_atomically
from search.media.limits import PictureLimits
from search.media.picture import decode_picture

INLINE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".ogv": "video/ogg",
}
"""Content types that a browser may show. Other files are downloaded, so that no stored file can
run as a page."""

THUMBNAIL_WIDTHS = (160, 320, 640, 1280)
"""The only widths made, so that requests for others cannot fill the disk."""

WEBP_QUALITY = 82


def split_stored_name(name: str) -> tuple[str, str]:
    """Return content hash and suffix: 'assets/ab/abcdef….jpg' → ('abcdef…', '.jpg')."""
    path = PurePosixPath(name)
    return path.stem, path.suffix


def get_thumbnail(name: str, content_hash: str, width: int) -> Path:
    """Return the thumbnail of the stored picture `name`, made where it is missing.

    It is at most `width` pixels wide and 1.5 times as high, and never enlarged. Raises
    FileNotFoundError for a missing file and MediaError for one that is not a picture.
    """
    folder = Path(settings.VAR_DIR) / "thumbnails" / str(width) / content_hash[:2]
    path = folder / f"{content_hash}.webp"
    if not path.exists():
        with default_storage.open(name) as file:
            picture = decode_picture(
                file,  # type: ignore[arg-type]  # a Django File reads like a binary one
                PictureLimits.from_settings(engine_settings()),
                at_least=width,
            )
        picture.thumbnail((width, width * 3 // 2), Image.Resampling.LANCZOS, reducing_gap=2.0)
        save = partial(picture.save, format="WEBP", quality=WEBP_QUALITY, method=4)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save, mode=0o600, durable=False)
    return path

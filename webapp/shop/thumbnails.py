"""Small WebP copies of pictures, made when first asked for and kept under the var folder
(derived: may be deleted).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from PIL import Image

from search.config import engine_settings
from search.files import write_atomically
from search.media.picture import PictureLimits, decode_picture

WIDTHS = (160, 320, 640, 1280)
"""The only widths made, so that nobody can fill the disk by asking for others."""

WEBP_QUALITY = 82


def thumbnail(name: str, content_hash: str, width: int) -> Path:
    """The copy of the stored picture `name`, at most `width` pixels wide and 1.5 times as high;
    never enlarged.

    Raises FileNotFoundError where the store has no such file, and MediaError where it is no
    picture.
    """
    path = (
        Path(settings.VAR_DIR)
        / "thumbnails"
        / str(width)
        / content_hash[:2]
        / f"{content_hash}.webp"
    )
    if not path.exists():
        with default_storage.open(name) as file:
            picture = decode_picture(
                file, PictureLimits.from_settings(engine_settings()), at_least=width
            )
        picture.thumbnail((width, width * 3 // 2), Image.Resampling.LANCZOS, reducing_gap=2.0)
        save = partial(picture.save, format="WEBP", quality=WEBP_QUALITY, method=4)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save, mode=0o600, durable=False)
    return path

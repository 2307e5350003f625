"""Unusual and broken pictures, and the expected outcome of each: size and colour, or an error."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from search.errors import MediaError, MediaTooLarge, MediaUnreadable, MediaUnsupported

RED, WHITE, BLACK, GREY = (255, 0, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128)


@dataclass(frozen=True)
class Case:
    """`outcome` is the size of the picture or the error, `corner` its upper left colour."""

    make: Callable[[], bytes]
    outcome: tuple[int, int] | type[MediaError]
    corner: tuple[int, int, int] | None = None


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def plain(mode: str = "RGB", colour: Any = RED, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new(mode, size, colour)


def noisy(size: tuple[int, int] = (200, 160)) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def turned(kind: str, orientation: int) -> bytes:
    """Return a 40 × 30 picture with a red upper left quarter, stored with an EXIF orientation."""
    image = plain(colour=WHITE)
    image.paste(RED, (0, 0, 20, 15))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, kind, exif=exif, **({"quality": 95} if kind in ("JPEG", "AVIF") else {}))


def grey_array(values: np.ndarray, kind: str = "TIFF") -> bytes:
    return saved(Image.fromarray(values), kind)


def png_claiming(width: int, height: int) -> bytes:
    """Return a PNG whose header claims any size, with a body of one row."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 64)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def animation(kind: str) -> bytes:
    frames = [plain(colour=RED), plain(colour=BLACK), plain(colour=WHITE)]
    return saved(
        frames[0], kind, save_all=True, append_images=frames[1:], duration=100, lossless=True
    )


def palette_with_transparency() -> bytes:
    image = plain("P", 0)
    image.putpalette([255, 0, 0, 0, 0, 0])
    return saved(image, "PNG", transparency=0)


def cut(data: bytes, part: float) -> bytes:
    return data[: int(len(data) * part)]


def with_profile() -> bytes:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return saved(plain("CMYK", (0, 255, 255, 0)), "JPEG", icc_profile=srgb, quality=95)


CORPUS: dict[str, Case] = {
    "jpeg": Case(lambda: saved(plain(), "JPEG", quality=95), (40, 30), (254, 0, 0)),
    "grey jpeg": Case(lambda: saved(plain("L", 128), "JPEG"), (40, 30), GREY),
    "progressive jpeg": Case(
        lambda: saved(plain(), "JPEG", progressive=True, quality=95), (40, 30), (254, 0, 0)
    ),
    "mpo of two pictures": Case(
        lambda: saved(plain(), "MPO", save_all=True, append_images=[plain()], quality=95),
        (40, 30),
        (254, 0, 0),
    ),
    "cmyk jpeg": Case(
        lambda: saved(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95), (40, 30), (255, 0, 0)
    ),
    "cmyk jpeg with a profile for RGB": Case(with_profile, (40, 30), (255, 0, 0)),
    "cmyk jpeg with a broken profile": Case(
        lambda: saved(
            plain("CMYK", (0, 255, 255, 0)), "JPEG", icc_profile=b"nonsense" * 20, quality=95
        ),
        (40, 30),
        RED,
    ),
    "cmyk tiff": Case(lambda: saved(plain("CMYK", (0, 255, 255, 0)), "TIFF"), (40, 30), RED),
    "lab tiff": Case(lambda: saved(plain("LAB", (136, 208, 195)), "TIFF"), (40, 30), (250, 3, 11)),
    "jpeg lying on its side": Case(lambda: turned("JPEG", 6), (30, 40), WHITE),
    "jpeg upside down": Case(lambda: turned("JPEG", 3), (40, 30), WHITE),
    "png with orientation": Case(lambda: turned("PNG", 2), (40, 30), WHITE),
    "webp with orientation": Case(lambda: turned("WEBP", 8), (30, 40), WHITE),
    "tiff with orientation": Case(lambda: turned("TIFF", 5), (30, 40), RED),
    "avif with orientation": Case(lambda: turned("AVIF", 6), (30, 40), WHITE),
    "jpeg with broken exif": Case(
        lambda: saved(plain(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", quality=95),
        (40, 30),
        (254, 0, 0),
    ),
    "png": Case(lambda: saved(plain(), "PNG"), (40, 30), RED),
    "bilevel png": Case(lambda: saved(plain("1", 1), "PNG"), (40, 30), WHITE),
    "palette png": Case(lambda: saved(plain().quantize(2), "PNG"), (40, 30), RED),
    "palette png, transparent": Case(palette_with_transparency, (40, 30), WHITE),
    "rgba png, transparent": Case(
        lambda: saved(plain("RGBA", (9, 9, 9, 0)), "PNG"), (40, 30), WHITE
    ),
    "rgba png, half transparent": Case(
        lambda: saved(plain("RGBA", (0, 0, 0, 127)), "PNG"), (40, 30), GREY
    ),
    "grey and alpha png": Case(lambda: saved(plain("LA", (0, 0)), "PNG"), (40, 30), WHITE),
    "rgb png with a transparent colour": Case(
        lambda: saved(plain(), "PNG", transparency=RED), (40, 30), WHITE
    ),
    "16-bit png": Case(
        lambda: grey_array(np.full((30, 40), 0x8080, np.uint16), "PNG"), (40, 30), GREY
    ),
    "16-bit tiff": Case(lambda: grey_array(np.full((30, 40), 0xFFFF, np.uint16)), (40, 30), WHITE),
    "16-bit big-endian tiff": Case(lambda: saved(plain("I;16B", 0x8000), "TIFF"), (40, 30), GREY),
    "32-bit tiff": Case(lambda: grey_array(np.full((30, 40), 128, np.int32)), (40, 30), GREY),
    "float tiff from 0 to 1": Case(
        lambda: grey_array(np.full((30, 40), 0.5, np.float32)), (40, 30), GREY
    ),
    "float tiff of any range": Case(
        lambda: grey_array(np.linspace(-7e5, 9e5, 1200, dtype=np.float32).reshape(30, 40)),
        (40, 30),
        BLACK,
    ),
    "float tiff with NaN": Case(
        lambda: grey_array(np.full((30, 40), np.nan, np.float32)), (40, 30), BLACK
    ),
    "deflated tiff": Case(
        lambda: saved(plain(), "TIFF", compression="tiff_deflate"), (40, 30), RED
    ),
    "tiff of several pages": Case(
        lambda: saved(plain(), "TIFF", save_all=True, append_images=[plain(colour=BLACK)]),
        (40, 30),
        RED,
    ),
    "bmp": Case(lambda: saved(plain(), "BMP"), (40, 30), RED),
    "gif": Case(lambda: saved(plain(), "GIF"), (40, 30), RED),
    "animated gif": Case(lambda: animation("GIF"), (40, 30), RED),
    "animated webp": Case(lambda: animation("WEBP"), (40, 30), RED),
    "animated png": Case(lambda: animation("PNG"), (40, 30), RED),
    "webp with alpha": Case(
        lambda: saved(plain("RGBA", (0, 0, 0, 0)), "WEBP", lossless=True), (40, 30), WHITE
    ),
    "avif": Case(lambda: saved(plain(), "AVIF", quality=100), (40, 30), None),
    "one pixel": Case(lambda: saved(plain(size=(1, 1)), "PNG"), (1, 1), RED),
    "one column": Case(lambda: saved(plain(size=(1, 40)), "PNG"), (1, 40), RED),
    "a thread": Case(lambda: saved(plain(size=(1, 60)), "PNG"), MediaTooLarge),
    "no pixels": Case(lambda: png_claiming(0, 10), MediaUnreadable),
    "bomb by its header": Case(lambda: png_claiming(9_000, 9_000), MediaTooLarge),
    "bomb beyond the library's own limit": Case(
        lambda: png_claiming(60_000, 60_000), MediaTooLarge
    ),
    "many bytes": Case(lambda: saved(noisy((700, 600)), "PNG"), MediaTooLarge),
    "jpeg cut in half": Case(lambda: cut(saved(noisy(), "JPEG"), 0.5), MediaUnreadable),
    "png cut in half": Case(lambda: cut(saved(noisy(), "PNG"), 0.5), MediaUnreadable),
    "webp cut in half": Case(lambda: cut(saved(noisy(), "WEBP"), 0.5), MediaUnreadable),
    "gif cut in half": Case(lambda: cut(saved(noisy(), "GIF"), 0.5), MediaUnreadable),
    "bmp cut in half": Case(lambda: cut(saved(noisy(), "BMP"), 0.5), MediaUnreadable),
    "tiff cut in half": Case(lambda: cut(saved(noisy(), "TIFF"), 0.5), MediaUnreadable),
    "avif cut in half": Case(lambda: cut(saved(noisy(), "AVIF"), 0.5), MediaUnreadable),
    "only a jpeg's beginning": Case(lambda: saved(noisy(), "JPEG")[:20], MediaUnreadable),
    "empty": Case(lambda: b"", MediaUnreadable),
    "svg": Case(
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', MediaUnsupported
    ),
    "postscript": Case(lambda: saved(plain(), "EPS"), MediaUnsupported),
    "photoshop": Case(lambda: b"8BPS" + b"\0" * 60, MediaUnsupported),
    "heic": Case(lambda: b"\0\0\0\x18ftypheic" + b"\0" * 60, MediaUnsupported),
    "jpeg 2000": Case(lambda: saved(plain(), "JPEG2000"), MediaUnsupported),
    "ico": Case(lambda: saved(plain(size=(32, 32)), "ICO"), MediaUnsupported),
    "text": Case(lambda: b"not a picture at all, only words " * 9, MediaUnsupported),
    "html error page": Case(lambda: b"<!doctype html><title>404</title>" * 9, MediaUnsupported),
    "sound": Case(lambda: b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40, MediaUnsupported),
}

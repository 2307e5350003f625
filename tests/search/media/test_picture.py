"""Every picture decodes to RGB of the right size and colour, or raises a MediaError."""

from __future__ import annotations

import contextlib
import io
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.config import EngineSettings
from search.errors import MediaError, MediaTooLarge, MediaUnreadable
from search.media.limits import PictureLimits
from search.media.picture import decode_picture, read_picture_info
from tests.search.media.corpus import CORPUS, Case, noisy, plain, png_claiming, saved, turned

# The process-wide filter that silences Pillow is undone by pytest; a test below looks at a fresh
# process.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

LIMITS = PictureLimits(max_bytes=1_000_000, max_pixels=2_000_000)


def colour_at(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    pixel = picture.getpixel((x, y))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize("case", CORPUS.values(), ids=CORPUS.keys())
def test_every_picture_of_the_corpus_has_the_expected_outcome(case: Case) -> None:
    data = case.make()
    if isinstance(case.outcome, tuple):
        picture = decode_picture(data, LIMITS)
        assert (picture.mode, picture.size) == ("RGB", case.outcome)
        info = read_picture_info(data, LIMITS)
        assert (info.width, info.height, info.bytes) == (*case.outcome, len(data))
        if case.corner is not None:
            np.testing.assert_allclose(colour_at(picture, 0, 0), case.corner, atol=3)
    else:
        with pytest.raises(case.outcome) as rejected:
            decode_picture(data, LIMITS)
        assert type(rejected.value) is case.outcome


def test_bytes_path_and_stream_decode_alike(tmp_path: Path) -> None:
    data = saved(noisy(), "PNG")
    (tmp_path / "any.name").write_bytes(data)
    shown = [
        decode_picture(source, LIMITS).tobytes()
        for source in (data, tmp_path / "any.name", io.BytesIO(data))
    ]
    assert shown[0] == shown[1] == shown[2] == noisy().tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_bring_the_red_quarter_to_its_corner(orientation: int) -> None:
    picture = decode_picture(turned("JPEG", orientation), LIMITS)
    corners = {
        1: (0, 0),
        2: (-1, 0),
        3: (-1, -1),
        4: (0, -1),
        5: (0, 0),
        6: (-1, 0),
        7: (-1, -1),
        8: (0, -1),
    }
    x, y = corners[orientation]
    red = colour_at(picture, x % picture.width, y % picture.height)
    np.testing.assert_allclose(red, (255, 0, 0), atol=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("at_least", [0, 100, 224, 700, 1500])
def test_a_reduced_picture_is_not_below_the_requested_side(kind: str, at_least: int) -> None:
    data = saved(plain(size=(1600, 900)), kind)
    shorter = min(decode_picture(data, LIMITS, at_least=at_least).size)
    assert shorter == 900 if not 0 < at_least <= 450 else at_least <= shorter < 2 * at_least + 2


def test_errors_name_the_limit() -> None:
    with pytest.raises(MediaTooLarge, match=r"limit of 2000000 pixels.*9000 × 9000 = 81000000"):
        decode_picture(png_claiming(9_000, 9_000), LIMITS)
    with pytest.raises(MediaTooLarge, match=r"limit of 100 bytes"):
        decode_picture(saved(noisy(), "PNG"), PictureLimits(max_bytes=100, max_pixels=2_000_000))


def test_limits_come_from_the_settings() -> None:
    limits = PictureLimits.from_settings(
        EngineSettings(picture_max_bytes=2048, picture_max_pixels=99)
    )
    assert (limits.max_bytes, limits.max_pixels) == (2048, 99)


def test_a_missing_file_is_not_reported_as_broken(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode_picture(tmp_path / "gone.jpg", LIMITS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_damaged_bytes_raise_nothing_but_media_errors(kind: str) -> None:
    """Random flips of bytes give a picture or a MediaError, and some of each error."""
    chance = random.Random(kind)
    whole = saved(noisy((64, 48)), kind)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
        try:
            decode_picture(bytes(data), LIMITS, at_least=16)
        except MediaError:
            refused += 1
    assert refused > 0


def test_decoding_is_thread_safe() -> None:
    cases = [case.make() for case in CORPUS.values() if isinstance(case.outcome, tuple)]
    alone = [decode_picture(data, LIMITS).tobytes() for data in cases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: decode_picture(data, LIMITS).tobytes(), cases * 3))
    assert together == alone * 3


def test_a_hostile_picture_logs_nothing() -> None:
    """Pillow would warn about a large picture and about damaged tags; a fresh process shows what
    a server would log."""
    script = (
        "import sys\n"
        "from search.errors import MediaError\n"
        "from search.media.picture import PictureLimits, decode_picture\n"
        "from tests.search.media.corpus import CORPUS, png_claiming\n"
        "for data in [png_claiming(10_000, 10_000), *(case.make() for case in CORPUS.values())]:\n"
        "    try: decode_picture(data, PictureLimits(10**6, 2 * 10**6))\n"
        "    except MediaError: pass\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""


def test_a_reduced_decode_detects_truncation() -> None:
    data = saved(noisy((800, 600)), "JPEG")
    with pytest.raises(MediaUnreadable):
        decode_picture(data[: len(data) // 2], LIMITS, at_least=50)


def test_no_file_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "picture.tiff"
    Image.new("RGB", (8, 8)).save(path, save_all=True, append_images=[Image.new("RGB", (8, 8))])
    with path.open("rb"):
        assert str(path) in open_files(), "an open file would be seen"
    kept = [decode_picture(path, LIMITS) for _ in range(5)]
    assert str(path) not in open_files()
    assert len(kept) == 5


def open_files() -> set[str]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # another thread's, closed meanwhile
            found.add(str(descriptor.readlink()))
    return found

"""Views of a key frame, and the vector of a clip."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from search.media.frame_views import (
    VIEWS_PER_FRAME,
    clip_and_frame_vectors,
    crop_frame_views,
    mean_clip_vector,
)


@pytest.mark.parametrize("size", [(160, 90), (90, 160), (64, 64), (1, 1)])
def test_a_key_frame_is_encoded_whole_and_by_the_squares_at_its_ends(
    size: tuple[int, int],
) -> None:
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    whole, first, last = crop_frame_views(picture)
    assert whole.size == size
    assert first.size == last.size == (min(size), min(size))
    assert first.getpixel((0, 0)) == picture.getpixel((0, 0))
    assert last.getpixel((min(size) - 1,) * 2) == picture.getpixel((size[0] - 1, size[1] - 1))


def test_the_vector_of_a_clip_is_the_mean_of_its_key_frames() -> None:
    views = np.repeat(np.eye(4, dtype=np.float32)[:2], VIEWS_PER_FRAME, axis=0)
    root = 0.5**0.5
    np.testing.assert_allclose(
        clip_and_frame_vectors(views), [[root, root, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]], atol=1e-6
    )
    np.testing.assert_allclose(
        mean_clip_vector(np.eye(4, dtype=np.float32)[:2]), [[root, root, 0, 0]], atol=1e-6
    )

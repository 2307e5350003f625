"""Every file of the corpus has its expected outcome: no hang, and no error but a MediaError."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from search.config import EngineSettings
from search.errors import MediaError
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.inspect import inspect_media
from search.media.keyframes import KeyFrameSelector
from search.media.limits import MediaLimits
from search.media.subtitles import read_subtitles
from search.media.video import open_video
from search.types import AudioFormat, Modality
from tests.support.clips import FaultCase, Outcome, corpus

LIMITS = MediaLimits.from_settings(EngineSettings())
HEARD = AudioFormat(rate=16_000, window_s=2.0, hop_s=1.0)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[FaultCase]:
    return corpus(tmp_path_factory.mktemp("faults"))


def outcome_of(case: FaultCase) -> str:
    """Inspect the file like an upload, then decode it like a worker."""
    try:
        inspect_media(case.path, LIMITS, case.kind)
        truncated = _watched(case.path) if case.kind is Modality.VIDEO else _listened(case.path)
    except MediaError as error:
        assert error.fix or error.value is not None, f"{case.name}: {error}"
        return error.code
    return Outcome.PARTIAL if truncated else Outcome.WHOLE


def _watched(path: Path) -> bool:
    chosen = KeyFrameSelector()
    with closing(open_video(path, LIMITS.clip, side=48, per_second=4)) as reader:
        for frame in reader:
            assert max(frame.picture.size) <= 8 * 48
            chosen.add(frame)
    found = chosen.finish(reader.seconds)
    assert found
    assert all(0 <= one.span.start <= one.span.end <= LIMITS.clip.max_seconds for one in found)
    _listened(path)
    assert len(read_subtitles(path, LIMITS.clip)) <= 400
    return reader.truncated


def _listened(path: Path) -> bool:
    with closing(open_audio(path, LIMITS.clip, HEARD.rate)) as reader:
        for span, window in cut_audio_windows(reader, HEARD):
            assert 0 <= span.start < span.end
            assert len(window) <= HEARD.rate * HEARD.window_s
    return reader.truncated


def test_every_file_has_the_expected_outcome(cases: list[FaultCase]) -> None:
    assert len(cases) >= 40
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip((case.name for case in cases), pool.map(outcome_of, cases), strict=True))
    assert found == {case.name: case.outcome.value for case in cases}

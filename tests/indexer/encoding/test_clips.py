"""A drain encodes sounds and videos: all views of a clip at once, and never at the cost of
anything else."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage

from indexer.encoding.jobs import enqueue_missing_jobs
from indexer.encoding.worker import EncodeWorker
from indexer.model_release.fill import project_space
from search.encoders.residual_heads import as_tunable
from search.types import Modality
from tests.support.audio_encoder import ToneEncoder
from tests.support.catalogue import add_product
from tests.support.encoders import ColourEncoder
from tests.support.tones import sounding_film, tone_file
from webapp.catalog.models import Asset, CachedFeatures, Embedding, IndexJob, JobState
from webapp.catalog.models.spans import spans_unpack

pytestmark = pytest.mark.django_db(transaction=True)

RED, BLUE = (200, 20, 20), (20, 20, 200)


@pytest.fixture
def audio_encoder() -> ToneEncoder:
    return ToneEncoder()


class PathlessStorage(Storage):
    """As S3 is: there are files by name, but no folder."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def exists(self, name: str) -> bool:
        return name in self.files

    def _save(self, name: str, content: File[bytes]) -> str:
        self.files[name] = content.read()
        return name

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return ContentFile(self.files[name], name)


def drain(encoder: ToneEncoder) -> None:
    EncodeWorker(encoder, "here:1:1").run()


def views(asset: Asset) -> dict[str, tuple[int, int]]:
    """Vectors and spans stored of an asset, by modality."""
    rows = Embedding.objects.filter(content_hash=asset.content_hash)
    return {
        row.modality: (
            len(Embedding.unpack([bytes(row.vector)], 48)),
            len(spans_unpack(bytes(row.spans))),
        )
        for row in rows
    }


def test_a_sound_becomes_windows_and_silence_none(audio_encoder: ToneEncoder) -> None:
    space = audio_encoder.space.fingerprint
    add_product("loud", title="loud", sounds=[tone_file([440, 440, 1200])], space=space)
    add_product("silent", title="silent", sounds=[tone_file([0, 0])], space=space)
    drain(audio_encoder)
    assert set(IndexJob.objects.values_list("state", flat=True)) == {JobState.DONE}
    loud, silent = (Asset.objects.get(product__sku=sku, kind="audio") for sku in ("loud", "silent"))
    row = Embedding.objects.get(content_hash=loud.content_hash)
    spans, vectors = spans_unpack(bytes(row.spans)), Embedding.unpack([bytes(row.vector)], 48)
    assert len(spans) == len(vectors) >= 5
    assert spans[0].start == 0 and spans[-1].end == 3
    assert vectors[0] @ vectors[1] > 0.99 and vectors[0] @ vectors[-1] < 0.5
    assert views(silent) == {"audio": (0, 0)} and not silent.error
    assert enqueue_missing_jobs(space=space) == 0, (
        "what holds no sound is not looked at again and again"
    )


def test_a_video_has_frames_sound_and_a_whole(audio_encoder: ToneEncoder, tmp_path: Path) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED] * 4 + [BLUE] * 4, [440] * 3)
    add_product("film", title="film", videos=[film], space=audio_encoder.space.fingerprint)
    drain(audio_encoder)
    asset = Asset.objects.get(kind="video")
    found = views(asset)
    frames = found["video"][1]
    assert frames >= 2 and found["video"] == (frames + 1, frames) and found["text"] == (0, 0)
    assert found["audio"][0] == found["audio"][1] >= 5
    assert not asset.error


def test_clips_seen_before_are_projected_and_not_decoded(
    audio_encoder: ToneEncoder, tmp_path: Path, media_root: Path
) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED, BLUE], [440, 0, 0, 900])
    add_product(
        "a",
        title="a",
        sounds=[tone_file([300])],
        videos=[film],
        space=audio_encoder.space.fingerprint,
    )
    drain(audio_encoder)
    before = {
        row.modality + row.content_hash: (row.vector, row.spans) for row in Embedding.objects.all()
    }
    assert CachedFeatures.objects.filter(towers=audio_encoder.audio_tower_id).count() == 2
    Embedding.objects.all().delete()
    IndexJob.objects.update(state=JobState.QUEUED)
    shutil.rmtree(media_root)
    audio_encoder.audio_batch_sizes.clear()
    drain(audio_encoder)
    assert {
        row.modality + row.content_hash: (row.vector, row.spans) for row in Embedding.objects.all()
    } == before
    assert not audio_encoder.audio_batch_sizes


def test_an_encoder_without_ears_makes_no_views_of_sound(
    encoder: ColourEncoder, tmp_path: Path
) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED, BLUE], [440])
    space = encoder.space.fingerprint
    add_product("a", title="a", sounds=[tone_file([300])], videos=[film], space=space)
    EncodeWorker(as_tunable(encoder), "here:1:1").run()
    assert set(IndexJob.objects.values_list("state", flat=True)) == {JobState.DONE}
    assert views(Asset.objects.get(kind="audio")) == {"audio": (0, 0)}
    assert set(views(Asset.objects.get(kind="video"))) == {"text", "video"}
    assert enqueue_missing_jobs(space=space) == 0


def test_a_broken_clip_costs_its_product_nothing_else(audio_encoder: ToneEncoder) -> None:
    add_product(
        "a",
        title="still found",
        sounds=[tone_file([300])[:30], tone_file([500])],
        space=audio_encoder.space.fingerprint,
    )
    drain(audio_encoder)
    broken, sound = Asset.objects.filter(kind="audio").order_by("position")
    assert IndexJob.objects.get(state=JobState.FAILED).content_hash == broken.content_hash
    assert broken.error and not sound.error and views(sound)["audio"][0] > 0
    assert Embedding.objects.filter(modality=Modality.TEXT).count() == 1


def test_a_video_whose_sound_is_broken_is_seen_and_says_so(
    audio_encoder: ToneEncoder, tmp_path: Path
) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED, BLUE], [440], broken_sound=True)
    add_product("a", title="a film", videos=[film], space=audio_encoder.space.fingerprint)
    drain(audio_encoder)
    asset = Asset.objects.get(kind="video")
    assert IndexJob.objects.filter(state=JobState.DONE).count() == 2
    assert views(asset)["audio"] == (0, 0) and views(asset)["video"][1] == 2
    assert asset.error.startswith("sound: ")


def test_work_stops_in_the_middle_of_a_long_clip_and_nothing_is_lost(
    audio_encoder: ToneEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_product(
        "long", title="long", sounds=[tone_file([300] * 240)], space=audio_encoder.space.fingerprint
    )
    stopping = threading.Event()
    features = audio_encoder.audio_features

    def stop_then_hear(batch: list[np.ndarray]) -> np.ndarray:
        if len(audio_encoder.audio_batch_sizes) == 5:
            stopping.set()
            threading.Event().wait(1.0)
        return features(batch)

    with monkeypatch.context() as patched:
        patched.setattr(audio_encoder, "audio_features", stop_then_hear)
        EncodeWorker(audio_encoder, "here:1:1", stopping).run()
    job = IndexJob.objects.get(modality="audio")
    assert (job.state, job.attempts, job.claim) == (JobState.QUEUED, 0, None)
    assert len(audio_encoder.audio_batch_sizes) < 20, "the rest was not encoded"
    drain(audio_encoder)
    assert views(Asset.objects.get(kind="audio"))["audio"][0] > 400


def test_a_long_clip_never_lies_in_memory(
    audio_encoder: ToneEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding waits for the model: what is prepared and not yet encoded stays within the feed."""
    ahead: list[int] = []
    prepared = 0
    prepare = audio_encoder.prepare_audio

    def counted(window: np.ndarray) -> np.ndarray:
        nonlocal prepared
        prepared += 1
        ahead.append(prepared - sum(audio_encoder.audio_batch_sizes))
        return prepare(window)

    monkeypatch.setattr(audio_encoder, "prepare_audio", counted)
    add_product(
        "long", title="long", sounds=[tone_file([300] * 120)], space=audio_encoder.space.fingerprint
    )
    drain(audio_encoder)
    assert prepared > 200 and max(ahead) <= 8 + 2 * audio_encoder.audio_batch_size


def test_another_space_over_the_same_towers_is_filled_without_decoding(
    audio_encoder: ToneEncoder, tmp_path: Path, media_root: Path
) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED, BLUE], [440])
    add_product(
        "a", title="a film", sounds=[tone_file([300]), tone_file([0])], videos=[film], space=""
    )
    enqueue_missing_jobs(space=audio_encoder.space.fingerprint)
    drain(audio_encoder)
    shutil.rmtree(media_root)
    tuned = ToneEncoder("tuned")
    tuned.tower_id, tuned.audio_tower_id = audio_encoder.tower_id, audio_encoder.audio_tower_id
    assert (
        project_space(tuned, mark_changed=True)
        == Embedding.objects.filter(space=audio_encoder.space.fingerprint).count()
        == 6
    )

    def rows(encoder: ToneEncoder) -> dict[tuple[str, str], tuple[bytes, bytes]]:
        stored = Embedding.objects.filter(space=encoder.space.fingerprint)
        return {
            (row.modality, row.content_hash): (bytes(row.vector), bytes(row.spans))
            for row in stored
        }

    assert rows(tuned) == rows(audio_encoder)
    assert project_space(tuned, mark_changed=True) == 0


def test_a_clip_in_a_store_without_paths_is_copied_for_as_long_as_needed(
    audio_encoder: ToneEncoder, settings: Any
) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.PathlessStorage"}}
    add_product(
        "a", title="a sound", sounds=[tone_file([300, 300])], space=audio_encoder.space.fingerprint
    )
    drain(audio_encoder)
    assert views(Asset.objects.get(kind="audio"))["audio"][0] > 0
    assert not list(Path(settings.FILE_UPLOAD_TEMP_DIR).glob("clip-*"))

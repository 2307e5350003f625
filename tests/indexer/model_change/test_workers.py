"""Workers encode into the space that is being made, after the one in use; one process at a time
runs a change."""

from __future__ import annotations

import datetime
import time

import pytest
from django.utils import timezone

from indexer.encoding import run
from indexer.encoding.jobs import enqueue_missing_jobs
from indexer.encoding.worker import EncodeWorker
from indexer.model_change.claiming import claim_change, release_abandoned_changes
from indexer.model_change.preflight import check_target
from indexer.model_change.run import find_unused_spaces
from indexer.reconcile import Reconciler
from search.errors import Unavailable
from tests.indexer.model_change.conftest import add_square, fill_shop
from webapp.catalog.models import (
    Embedding,
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeStage,
    ModelChangeState,
    Product,
    Tuning,
    TuningState,
)
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.selectors.spaces import get_active_heads, get_active_preset, pending_spaces
from webapp.leases.heartbeat import heartbeat
from webapp.leases.process_id import this_process
from webapp.retrieval.models_runtime import ActiveModel, active_model, active_space

pytestmark = pytest.mark.django_db(transaction=True)


def claimed(preset: str = "taught", stage: str = ModelChangeStage.ENCODING) -> ModelChange:
    change = claim_change(ActiveModel(preset), active_model(), dry_run=False, forced=False)
    ModelChange.objects.filter(pk=change.pk).update(stage=stage)
    return change


def embedded(space: str) -> int:
    return Embedding.objects.filter(space=space).count()


def test_a_worker_encodes_both_and_the_space_in_use_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_shop()
    change = claimed()
    enqueue_missing_jobs(space=change.space)
    order: list[str] = []
    encode = EncodeWorker.run

    def noted(self: EncodeWorker) -> object:
        order.append(self.encoder.space.preset)
        if len(order) == 1:
            add_square("red-new", "red", 99)
        return encode(self)

    monkeypatch.setattr(EncodeWorker, "run", noted)
    assert run.has_pending_work()
    run.encode_queued()
    assert order[:3] == ["taught", "untaught", "taught"], (
        "what came to the space in use interrupted the other"
    )
    assert embedded(change.space) == embedded(active_space().fingerprint) == 25
    assert not run.has_pending_work()


def test_encoding_for_a_space_without_a_generation_marks_no_product() -> None:
    fill_shop()
    clock = get_index_sequence()
    change = claimed()
    enqueue_missing_jobs(space=change.space)
    run.encode_queued()
    assert embedded(change.space) == 24 and get_index_sequence() == clock
    ModelChange.objects.update(stage=ModelChangeStage.BUILDING)
    Embedding.objects.filter(space=change.space).order_by("pk")[0].delete()
    enqueue_missing_jobs(space=change.space)
    run.encode_queued()
    assert get_index_sequence() == clock + 1


def test_a_worker_without_the_weights_goes_on_with_the_space_in_use(
    caplog: pytest.LogCaptureFixture,
) -> None:
    change = claimed()
    ModelChange.objects.filter(pk=change.pk).update(preset="nowhere")
    add_square("red-new", "red", 99)
    run.encode_queued()
    assert embedded(active_space().fingerprint) == 1 and embedded(change.space) == 0
    assert "nothing is encoded into the space of nowhere" in caplog.text


def test_one_change_at_a_time_and_that_of_a_dead_process_is_resumed() -> None:
    first = claimed()
    with pytest.raises(Unavailable, match="under way"):
        claimed()
    ModelChange.objects.update(claimed_by=this_process().rpartition(":")[0] + ":0")
    Reconciler().reconcile()
    first.refresh_from_db()
    assert first.is_interrupted and release_abandoned_changes() == 0
    assert claimed() == first
    ModelChange.objects.update(claimed_by="")
    other = claimed("other")
    first.refresh_from_db()
    assert first.state == ModelChangeState.FAILED and other.state == ModelChangeState.RUNNING
    assert [beside.fingerprint for beside in pending_spaces()] == [other.space]


def test_a_heartbeat_keeps_the_lease_and_silence_loses_it() -> None:
    change = claimed()
    lease = datetime.timedelta(seconds=0.2)
    with heartbeat(ModelChange.objects.filter(pk=change.pk), lease):
        ModelChange.objects.update(
            claimed_by="elsewhere:1:1", lease_expires_at=timezone.now() + lease
        )
        time.sleep(0.5)
        assert release_abandoned_changes() == 0
    time.sleep(0.3)
    assert release_abandoned_changes() == 1


def test_tunings_belong_to_their_preset_and_come_back_with_it() -> None:
    own = active_space().fingerprint
    Tuning.objects.create(
        preset="untaught", base=own, space="tuned", state=TuningState.LIVE, heads_digest="d"
    )
    change = ModelChange.objects.create(
        preset="taught",
        base="b",
        space="b",
        previous_preset="untaught",
        previous_base=own,
        previous_space="tuned",
        state=ModelChangeState.LIVE,
    )
    assert get_active_preset() == "taught" and get_active_heads("b") == ("", "b")
    ModelChange.objects.filter(pk=change.pk).update(stage=ModelChangeStage.ROLLING_BACK)
    assert [beside.fingerprint for beside in pending_spaces()] == ["tuned"], (
        "it is completed before it is back"
    )
    ModelChange.objects.filter(pk=change.pk).update(state=ModelChangeState.ROLLED_BACK, stage="")
    assert get_active_preset() == "untaught" and get_active_heads(own) == ("d", "tuned")


def test_a_full_disk_is_noticed_before_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    fill_shop()
    check_target(ActiveModel("taught"))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(Unavailable, match="MB are free"):
        check_target(ActiveModel("taught"))


def test_an_asset_that_one_model_cannot_read_gets_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_shop()
    change = claimed()
    enqueue_missing_jobs(space=change.space)

    def unreadable(self: object, batch: object) -> object:
        raise ValueError("too wide")

    digest = Product.objects.get(sku="red-0").assets.get().content_hash
    IndexJob.objects.filter(space=change.space).exclude(content_hash=digest).delete()
    monkeypatch.setattr(
        "search.encoders.open_clip.engine.OpenClipEncoder.encode_pictures", unreadable
    )
    IndexJob.objects.filter(space=change.space).update(attempts=4)
    run.encode_queued()
    assert IndexJob.objects.get(space=change.space).state == JobState.FAILED
    assert Product.objects.get(sku="red-0").assets.get().error == ""


def test_spaces_of_other_presets_are_unused() -> None:
    old = {"preset": "p", "previous_preset": "q", "state": ModelChangeState.RETIRED}
    ModelChange.objects.create(
        base="older", space="older", previous_base="oldest", previous_space="oldest", **old
    )
    ModelChange.objects.create(
        base="now", space="now", previous_base="before", previous_space="tuned", **old
    )
    for base, space in (("before", "tuned"), ("older", "tuned older")):
        Tuning.objects.create(preset="p", base=base, space=space, state=TuningState.RETIRED)
    assert find_unused_spaces({"now", "before"}) == {"older", "oldest", "tuned older"}

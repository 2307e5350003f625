"""The tuning page: start, progress, comparison, rollback, permissions."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from webapp.catalog.models import Tuning, TuningStage, TuningState
from webapp.settings import BROKER_DIR

pytestmark = pytest.mark.django_db

ADD = reverse("admin:catalog_tuning_add")
LIST = reverse("admin:catalog_tuning_changelist")


def page(name: str, tuning: Tuning) -> str:
    return reverse(f"admin:catalog_tuning_{name}", args=[tuning.pk])


def made(state: TuningState, **values: object) -> Tuning:
    metrics = {"words → pictures": {"mAP": 0.25}}
    measured = {
        "before": metrics,
        "after": {"words → pictures": {"mAP": 0.5}},
        "pairs": 300,
        "groups": 250,
    }
    return Tuning.objects.create(
        preset="compact", base="b", state=state, heads_digest="d", **(measured | values)
    )


@pytest.mark.django_db(transaction=True)
def test_a_tuning_is_queued_and_a_worker_is_woken(admin_client: Client) -> None:
    assert "compact" in admin_client.get(ADD).content.decode()
    before = set(BROKER_DIR.iterdir())
    answer = admin_client.post(ADD, {"dry_run": "on"})
    tuning = Tuning.objects.get()
    assert answer["Location"] == page("change", tuning)
    assert (tuning.state, tuning.dry_run, tuning.from_clicks) == (TuningState.QUEUED, True, False)
    assert tuning.created_by and tuning.created_by.username == "admin"
    (message,) = set(BROKER_DIR.iterdir()) - before
    assert "indexer.tune" in json.dumps(json.loads(message.read_text()))
    assert "under way" in admin_client.post(ADD, {}).content.decode(), "two at once are refused"
    assert Tuning.objects.count() == 1


def test_the_page_reloads_itself_while_it_runs_and_shows_progress(admin_client: Client) -> None:
    tuning = made(TuningState.RUNNING, stage=TuningStage.PROJECTING, done=30, total=120)
    shown = admin_client.get(page("progress", tuning)).content.decode()
    assert "hx-get" in shown and 'value="25"' in shown and "30 / 120" in shown
    ended = made(TuningState.REJECTED, gain=0.01, gain_low=-0.02, gain_high=0.04)
    shown = admin_client.get(page("progress", ended)).content.decode()
    assert "hx-get" not in shown and "Not published" in shown
    assert "0.250" in shown and "0.500" in shown and "+0.250" in shown


@pytest.mark.django_db(transaction=True)
def test_only_the_live_tuning_can_be_rolled_back(admin_client: Client) -> None:
    live, former = (
        made(TuningState.LIVE, gain=0.2, gain_low=0.1, gain_high=0.3),
        made(TuningState.RETIRED),
    )
    assert "Roll back" in admin_client.get(page("change", live)).content.decode()
    assert "Roll back" not in admin_client.get(page("change", former)).content.decode()
    assert admin_client.get(page("roll_back", live)).status_code == 405
    before = set(BROKER_DIR.iterdir())
    admin_client.post(page("roll_back", live))
    (message,) = set(BROKER_DIR.iterdir()) - before
    assert "indexer.roll_back_tuning" in json.dumps(json.loads(message.read_text()))
    live.refresh_from_db()
    assert live.rollback_requested and live.state == TuningState.LIVE, "a worker does it"
    assert (
        "not in use" in admin_client.post(page("roll_back", former), follow=True).content.decode()
    )


def test_the_right_to_view_is_not_the_right_to_tune_or_roll_back(client: Client) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_tuning"))
    client.force_login(viewer)
    live = made(TuningState.LIVE)
    assert "Tune now" not in client.get(LIST).content.decode()
    assert "Roll back" not in client.get(page("change", live)).content.decode()
    assert client.get(ADD).status_code == client.post(ADD).status_code == 403
    assert client.post(page("roll_back", live)).status_code == 403
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    assert client.get(page("change", live)).status_code == 403


def test_a_request_from_another_site_is_refused(admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(ADD).status_code == 403
    assert client.post(page("roll_back", made(TuningState.LIVE))).status_code == 403


def test_the_page_is_translated_into_chinese(admin_client: Client) -> None:
    shown = admin_client.get(
        page("change", made(TuningState.LIVE)), headers={"accept-language": "zh-hans"}
    )
    assert "回退" in shown.content.decode()

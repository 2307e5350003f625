"""The pages of model changes, in both languages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from webapp.catalog.models import GoldenSetSource, ModelChange, ModelChangeStage, ModelChangeState

pytestmark = pytest.mark.django_db

LIST = reverse("admin:catalog_modelchange_changelist")


def made(state: ModelChangeState, **values: object) -> ModelChange:
    spaces = {
        "base": "b",
        "space": "b",
        "previous_preset": "compact",
        "previous_base": "c",
        "previous_space": "c",
    }
    return ModelChange.objects.create(preset="siglip2-b16-256", state=state, **(spaces | values))


def judged(state: ModelChangeState, gain: float, **values: object) -> ModelChange:
    found = {
        "golden_source": GoldenSetSource.CLICKS,
        "query_count": 120,
        "skipped_count": 3,
        "overlap": 0.42,
        "gain": gain,
    }
    found |= {"gain_low": gain - 0.02, "gain_high": gain + 0.02}
    return made(
        state,
        before={"mAP": 0.5, "p50 ms": 4.0},
        after={"mAP": 0.5 + gain, "p50 ms": 9.0},
        **found,
        **values,
    )


def page(name: str, change: ModelChange) -> str:
    return reverse(f"admin:catalog_modelchange_{name}", args=[change.pk])


def test_the_page_reloads_itself_while_it_runs_and_shows_progress(admin_client: Client) -> None:
    change = made(
        ModelChangeState.RUNNING,
        stage=ModelChangeStage.ENCODING,
        done=30,
        total=120,
        claimed_by="here:1:1",
    )
    shown = admin_client.get(page("progress", change)).content.decode()
    assert (
        "hx-get" in shown
        and 'value="25"' in shown
        and "30 / 120" in shown
        and "Contents encoded" in shown
    )
    ModelChange.objects.update(claimed_by="")
    shown = admin_client.get(page("change", change)).content.decode()
    assert "interrupted" in shown and "manage.py space change --to siglip2-b16-256" in shown


def test_the_comparison_of_both_models_is_shown(admin_client: Client) -> None:
    refused = judged(ModelChangeState.REFUSED, -0.1)
    shown = admin_client.get(page("change", refused)).content.decode()
    assert "hx-get" not in shown and "Not brought into use." in shown and "gets worse" in shown
    assert (
        "0.500" in shown
        and "0.400" in shown
        and "-0.100" in shown
        and "+5.0" in shown
        and "42%" in shown
    )
    assert "queries and the products that shoppers opened" in shown and 'class="error"' in shown
    live = judged(ModelChangeState.LIVE, 0.1)
    shown = admin_client.get(page("change", live)).content.decode()
    assert "not get worse" in shown and 'class="rise"' in shown
    forced = judged(ModelChangeState.RETIRED, -0.1, forced=True)
    assert "Forced." in admin_client.get(page("change", forced)).content.decode()
    listed = admin_client.get(LIST).content.decode()
    assert "badge-refused" in listed and "-0.100" in listed


def test_too_few_queries_are_reported() -> None:
    assert (
        "Only 7 queries"
        in made(
            ModelChangeState.REFUSED, golden_source=GoldenSetSource.CATALOGUE, query_count=7
        ).decision
    )


def test_nobody_edits_model_changes_and_only_viewers_see_them(
    admin_client: Client, client: Client
) -> None:
    change = judged(ModelChangeState.LIVE, 0.1)
    assert admin_client.get(reverse("admin:catalog_modelchange_add")).status_code == 403
    assert admin_client.post(page("delete", change), {"post": "yes"}).status_code == 403
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    assert client.get(page("change", change)).status_code == 403
    assert client.get(page("progress", change)).status_code == 403


def test_the_page_is_translated_into_chinese(admin_client: Client) -> None:
    shown = admin_client.get(
        page("change", judged(ModelChangeState.REFUSED, -0.1)),
        headers={"accept-language": "zh-hans"},
    )
    assert "未启用" in shown.content.decode() and "更换模型" in shown.content.decode()

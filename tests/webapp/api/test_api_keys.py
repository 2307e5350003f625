from __future__ import annotations

import datetime as dt
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from search.errors import InputError
from tests.webapp.api.conftest import Caller
from webapp.api.api_keys import create_api_key, find_api_key
from webapp.api.models import ApiKey

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs"


def test_the_database_stores_no_token() -> None:
    key, token = create_api_key(name="shop", scopes=["search"])
    stored = ApiKey.objects.values().get()
    assert token not in str(stored)
    assert token.startswith(key.prefix)
    assert find_api_key(token=token) == key


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_a_key_needs_known_scopes(scopes: list[str]) -> None:
    with pytest.raises(InputError):
        create_api_key(name="shop", scopes=scopes)


def test_the_last_use_is_saved_at_most_once_a_minute(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    _, token = create_api_key(name="shop", scopes=["search"])
    with django_assert_num_queries(2):
        find_api_key(token=token)
    with django_assert_num_queries(1):
        find_api_key(token=token)
    ApiKey.objects.update(last_used_at=timezone.now() - dt.timedelta(minutes=2))
    with django_assert_num_queries(2):
        find_api_key(token=token)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": True},
        {"expires": timezone.now() - dt.timedelta(seconds=1)},
        {"digest": "0" * 64},
    ],
)
def test_a_revoked_expired_or_unknown_key_is_refused(
    caller: Caller, change: dict[str, object]
) -> None:
    client = caller()
    ApiKey.objects.update(**change)
    response = client.get(JOBS)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["code"] == "bad_api_key"


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", JOBS, "index:read"),
        ("get", "/api/v1/index", "index:read"),
        ("post", "/api/v1/jobs/1/retry", "index:write"),
        ("get", "/api/v1/uploads", "uploads:read"),
        ("post", "/api/v1/uploads", "uploads:write"),
        ("put", "/api/v1/products/x", "catalog:write"),
        ("patch", "/api/v1/products/x", "catalog:write"),
        ("delete", "/api/v1/products/x", "catalog:write"),
        ("post", "/api/v1/products/x/assets", "catalog:write"),
        ("delete", "/api/v1/products/x/assets/1", "catalog:write"),
    ],
)
def test_a_method_needs_its_own_scope(
    client: Client, caller: Caller, method: str, path: str, scope: str
) -> None:
    others = {
        "search",
        "catalog:read",
        "catalog:write",
        "uploads:read",
        "uploads:write",
        "index:read",
        "index:write",
    }
    assert getattr(client, method)(path).status_code == 401
    assert getattr(caller(*others - {scope}), method)(path).status_code == 403
    assert getattr(caller(scope), method)(path).status_code not in {401, 403}


def test_anonymous_reads_can_be_disabled(
    client: Client, caller: Caller, settings: Settings
) -> None:
    assert client.get("/api/v1/products").status_code == 200
    settings.ANONYMOUS_SEARCH = False
    for path in (
        "/api/v1/products",
        "/api/v1/search",
        "/api/v1/products/x",
        "/api/v1/products/x/assets",
    ):
        assert client.get(path).status_code == 401
    assert caller("catalog:read").get("/api/v1/products").status_code == 200


def test_staff_have_the_scopes_of_their_permissions() -> None:
    user = User.objects.create_user("ana", password="x", is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get(JOBS).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_indexjob"))
    assert client.get(JOBS).status_code == 200
    User.objects.update(is_staff=False)
    assert client.get(JOBS).status_code == 403


def test_a_session_needs_a_csrf_token_to_write() -> None:
    user = User.objects.create_superuser("root", password="x")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    refused = client.put("/api/v1/products/x", {"title": "x"}, content_type="application/json")
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]


def test_the_command_prints_only_the_token() -> None:
    out = StringIO()
    call_command(
        "create_api_key", "shop", "--scope", "search", "--days", "30", stdout=out, stderr=StringIO()
    )
    key = find_api_key(token=out.getvalue().strip())
    assert key is not None
    assert key.scopes == ["search"]
    assert key.expires is not None
    with pytest.raises(CommandError):
        call_command("create_api_key", "shop", stderr=StringIO())


def test_the_admin_shows_a_key_once(admin_client: Client, plain_static: None) -> None:
    made = admin_client.post(
        "/admin/api/apikey/add/", {"name": "shop", "scopes": ["search", "index:read"]}
    )
    token = made.context["token"]
    assert token in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    key = find_api_key(token=token)
    assert key is not None
    assert key.scopes == ["search", "index:read"]
    assert key.created_by is not None
    page = admin_client.get(f"/admin/api/apikey/{key.pk}/change/").content.decode()
    assert token not in page
    assert key.digest not in page
    admin_client.post(
        f"/admin/api/apikey/{key.pk}/change/",
        {"name": "shop", "scopes": ["search"], "revoked": "on"},
    )
    assert find_api_key(token=token) is None

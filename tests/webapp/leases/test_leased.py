"""One process at a time holds a lease, and only an abandoned one is free again."""

from __future__ import annotations

import datetime
import subprocess
import sys
import uuid

import pytest
from django.utils import timezone

from webapp.catalog.models import ClipPreview
from webapp.leases.process_id import host_name, this_process

pytestmark = pytest.mark.django_db

LEASE = datetime.timedelta(minutes=1)


@pytest.fixture
def row() -> ClipPreview:
    return ClipPreview.objects.create(content_hash="a" * 64)


def test_the_first_claim_wins(row: ClipPreview) -> None:
    free = ClipPreview.objects.filter(pk=row.pk, claimed_by="")
    token = free.claim(LEASE, duration_s=2.0)
    assert token is not None and free.claim(LEASE) is None
    row.refresh_from_db()
    assert (row.claim, row.claimed_by, row.duration_s) == (token, this_process(), 2.0)
    assert row.lease_expires_at is not None and row.lease_expires_at > timezone.now()


def test_only_the_holder_renews_and_releases(row: ClipPreview) -> None:
    token = ClipPreview.objects.claim(LEASE, owner="elsewhere:1:1")
    row.refresh_from_db()
    before = row.lease_expires_at
    for stranger in (uuid.uuid4(), None):
        assert ClipPreview.objects.all().held(stranger).renew(LEASE) == 0
        assert ClipPreview.objects.all().held(stranger).release() == 0
    assert ClipPreview.objects.all().held(token).renew(LEASE, duration_s=3.0) == 1
    row.refresh_from_db()
    assert before is not None and row.lease_expires_at is not None
    assert row.lease_expires_at > before and row.duration_s == 3.0
    assert ClipPreview.objects.all().held(token).release() == 1
    row.refresh_from_db()
    assert row.claim is None and row.claimed_by == "" and row.lease_expires_at is None


def test_nobody_holds_an_unclaimed_row(row: ClipPreview) -> None:
    assert not ClipPreview.objects.all().held(row.claim).exists()


def test_a_lease_is_abandoned_when_it_expires_or_its_owner_is_dead(row: ClipPreview) -> None:
    assert not ClipPreview.objects.all().abandoned().exists(), "nobody has claimed it"
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    hour = datetime.timedelta(hours=1)
    for owner, lease, abandoned in (
        (this_process(), hour, False),
        ("elsewhere:1:1", hour, False),
        (this_process(), -hour, True),
        ("elsewhere:1:1", -hour, True),
        (f"{host_name()}:{child.pid}:1", hour, True),
    ):
        ClipPreview.objects.claim(lease, owner=owner)
        assert ClipPreview.objects.all().abandoned().exists() is abandoned, (owner, lease)

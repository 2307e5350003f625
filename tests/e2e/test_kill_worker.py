"""A worker killed at random moments loses nothing and encodes nothing twice."""

from __future__ import annotations

import random
import time
import zipfile
from pathlib import Path

import pytest

from tests.support.catalogue import picture_bytes
from tests.support.installation import Installation

PICTURES = 150
KILLS = 10
WHILE_STARTING = 3
"""So many of the kills may hit before the worker has taken up work; all others hit while it
holds some."""

UPLOAD = """
from django.core.files import File
from webapp.importing.service import create_upload
from webapp.catalog.models.upload import UploadSource
with open({catalogue!r}, "rb") as rows, open({media!r}, "rb") as media:
    create_upload(file=File(rows), source=UploadSource.API, media_zip=File(media))
"""

Row = tuple[object, ...]


def write_catalogue(folder: Path) -> tuple[Path, Path]:
    catalogue, media = folder / "shop.csv", folder / "media.zip"
    catalogue.write_text(
        "sku,title,images\n" + "".join(f"p{n},p{n},{n}.png\n" for n in range(PICTURES))
    )
    with zipfile.ZipFile(media, "w") as archive:
        for n in range(PICTURES):
            archive.writestr(f"{n}.png", picture_bytes(n, side=64))
    return catalogue, media


def holds_work(site: Installation, worker: int) -> bool:
    """Has this worker (not one that died before it) claimed jobs or the upload?"""
    held = "SELECT 1 FROM catalog_{table} WHERE state = %s AND claimed_by LIKE %s LIMIT 1"
    jobs = site.query(held.format(table="indexjob"), "claimed", f"%:{worker}:%")
    return bool(jobs or site.query(held.format(table="upload"), "running", f"%:{worker}%"))


def wait_for_work(site: Installation, worker: int) -> None:
    site.wait_for(lambda: holds_work(site, worker) or all_done(site), what="work to be taken up")


def embeddings(site: Installation) -> set[Row]:
    return set(site.query("SELECT id, content_hash FROM catalog_embedding"))


def all_done(site: Installation) -> bool:
    uploads = site.query("SELECT state, created_count FROM catalog_upload")
    jobs = site.query("SELECT state, count(*) FROM catalog_indexjob GROUP BY state")
    return uploads == [("done", PICTURES)] and jobs == [("done", PICTURES)]


@pytest.mark.e2e
@pytest.mark.slow
def test_every_picture_is_encoded_once_however_often_the_worker_is_killed(
    installation: Installation, tmp_path: Path
) -> None:
    site, moments = installation, random.Random(20)
    catalogue, media = write_catalogue(tmp_path)
    site.shell(UPLOAD.format(catalogue=str(catalogue), media=str(media)))

    seen: set[Row] = set()
    at_work = 0
    for number in range(KILLS):
        worker = site.start_worker(ready=False)
        if number >= WHILE_STARTING:
            wait_for_work(site, worker.pid)
        time.sleep(moments.uniform(0, 0.5))
        at_work += holds_work(site, worker.pid)
        site.kill(worker)
        now = embeddings(site)
        assert seen <= now, "what was stored stays"
        seen = now
    assert at_work >= KILLS // 2, "most kills hit a worker at work"

    site.start_worker(ready=False)
    site.wait_for(lambda: all_done(site), what="everything to be encoded", seconds=90)
    final = embeddings(site)
    assert seen <= final
    assert len(final) == len({content for _, content in final}) == PICTURES
    assert site.query("SELECT count(*) FROM catalog_asset WHERE kind = %s", "picture") == [
        (PICTURES,)
    ]
    unencoded = (
        "SELECT count(*) FROM catalog_asset WHERE content_hash NOT IN "
        "(SELECT content_hash FROM catalog_embedding)"
    )
    assert site.query(unencoded) == [(0,)]

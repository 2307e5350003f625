"""A drain encodes each content once, sets poison aside, and loses nothing when it is
interrupted."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from indexer.encoding.contents import load_contents
from indexer.encoding.encode import encode_texts
from indexer.encoding.jobs import claim_jobs
from indexer.encoding.storage import MAX_ATTEMPTS, store_batch
from indexer.encoding.worker import EncodeWorker
from search.encoders.protocol import Pixels
from search.encoders.residual_heads import as_tunable
from search.errors import ModalityUnsupported, SelfTestFailed, Unavailable
from search.types import Modality, TextRole, Vectors
from tests.support.catalogue import add_product, picture_bytes
from tests.support.encoders import ColourEncoder
from webapp.catalog.models import Asset, Embedding, IndexJob, JobState, Product
from webapp.catalog.selectors.embeddings import get_changes_since, get_index_sequence

pytestmark = pytest.mark.django_db(transaction=True)


def drain(encoder: ColourEncoder) -> None:
    EncodeWorker(as_tunable(encoder), "here:1:1").run()


def states() -> dict[str, int]:
    found = IndexJob.objects.values_list("state", flat=True)
    return {state: list(found).count(state) for state in set(found)}


def fill(encoder: ColourEncoder, count: int) -> list[Product]:
    space = encoder.space.fingerprint
    return [
        add_product(f"p{n}", title=f"thing number {n}", pictures=[picture_bytes(n)], space=space)
        for n in range(count)
    ]


def make_due() -> None:
    """As if the back-off had passed."""
    IndexJob.objects.update(not_before="2000-01-01T00:00:00Z")


def test_every_content_is_encoded_once_and_searchable(encoder: ColourEncoder) -> None:
    products = fill(encoder, 10)
    before = get_index_sequence()
    totals = EncodeWorker(as_tunable(encoder), "here:1:1").run()

    assert states() == {JobState.DONE: 20}
    assert dict(totals.encoded) == {"text": 10, "picture": 10}
    assert Embedding.objects.count() == 20
    assert max(encoder.calls) == 10 and encoder.calls.count(4) == 2, (
        "texts in one batch, pictures in fours"
    )
    changes, _ = get_changes_since(space=encoder.space, seq=before)
    assert sorted(change.product_id for change in changes) == [product.pk for product in products]
    assert all(sum(len(batch) for batch in change.batches) == 2 for change in changes)
    encoder.calls.clear()
    drain(encoder)
    assert encoder.calls == [], "nothing is encoded twice"


def test_the_vectors_are_those_of_the_encoder(encoder: ColourEncoder) -> None:
    fill(encoder, 3)
    drain(encoder)
    for asset in Asset.objects.filter(kind="text"):
        stored = Embedding.unpack(
            [bytes(Embedding.objects.get(content_hash=asset.content_hash).vector)], 48
        )
        assert np.allclose(stored, encoder.encode_texts([asset.text], TextRole.DOCUMENT), atol=1e-3)


def test_what_the_towers_saw_is_kept_and_projected_instead_of_decoding_again(
    encoder: ColourEncoder, media_root: Path
) -> None:
    fill(encoder, 6)
    drain(encoder)
    before = dict(Embedding.objects.values_list("content_hash", "vector"))
    Embedding.objects.all().delete()
    IndexJob.objects.update(state=JobState.QUEUED)
    shutil.rmtree(media_root)
    encoder.calls.clear()
    drain(encoder)
    assert states() == {JobState.DONE: 12} and encoder.calls == []
    assert dict(Embedding.objects.values_list("content_hash", "vector")) == before


def test_a_picture_of_two_products_is_encoded_once_and_touches_both(encoder: ColourEncoder) -> None:
    same = picture_bytes(1)
    space = encoder.space.fingerprint
    products = [add_product(sku, title=sku, pictures=[same], space=space) for sku in ("a", "b")]
    before = get_index_sequence()
    drain(encoder)
    assert Embedding.objects.count() == 1
    assert set(Product.objects.filter(index_seq__gt=before)) == set(products)


def test_a_job_with_a_broken_picture_fails_at_once(encoder: ColourEncoder) -> None:
    space = encoder.space.fingerprint
    add_product("bad", title="bad", pictures=[picture_bytes(1)[:60]], space=space)
    add_product("good", title="good", pictures=[picture_bytes(2)], space=space)
    drain(encoder)
    failed = IndexJob.objects.get(state=JobState.FAILED)
    assert failed.error_code == "media_unreadable" and failed.error
    assert Asset.objects.get(product__sku="bad").error == failed.error
    assert Embedding.objects.count() == 1
    make_due()
    drain(encoder)
    assert IndexJob.objects.get(pk=failed.pk).attempts == 1, "never retried"


def test_a_missing_file_is_retried_with_backoff_and_then_fails(encoder: ColourEncoder) -> None:
    add_product("gone", title="gone", pictures=[picture_bytes(1)], space=encoder.space.fingerprint)
    default_storage.delete(str(Asset.objects.get().file.name))
    delays = []
    for _ in range(MAX_ATTEMPTS - 1):
        drain(encoder)
        job = IndexJob.objects.get()
        assert job.state == JobState.QUEUED
        delays.append((job.not_before - job.created_at).total_seconds())
        make_due()
    assert delays == sorted(delays) and delays[-1] > 2 * delays[0]
    drain(encoder)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (
        JobState.FAILED,
        "unavailable",
        MAX_ATTEMPTS,
    )


def test_one_input_the_model_fails_on_does_not_spoil_its_batch() -> None:
    def chokes(item: Pixels | str) -> bool:
        return isinstance(item, str) and "number 5" in item

    encoder = ColourEncoder(fails_on=chokes)
    fill(encoder, 9)
    drain(encoder)
    assert states() == {JobState.DONE: 17, JobState.QUEUED: 1}
    assert IndexJob.objects.get(state=JobState.QUEUED).error == "RuntimeError: out of memory"
    for _ in range(MAX_ATTEMPTS):
        make_due()
        drain(encoder)
    assert states() == {JobState.DONE: 17, JobState.FAILED: 1}


def test_an_encoder_that_fails_on_everything_loses_no_job() -> None:
    broken = ColourEncoder(fails_on=lambda item: True)
    fill(broken, 9)
    with pytest.raises(Unavailable, match="out of memory"):
        drain(broken)
    assert states() == {JobState.QUEUED: 18}
    assert not IndexJob.objects.filter(claim__isnull=False).exists()
    make_due()
    drain(ColourEncoder())
    assert states() == {JobState.DONE: 18}


def test_an_encoder_that_fails_its_check_fails_no_content() -> None:
    class Refused(ColourEncoder):
        def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
            raise SelfTestFailed("this encoder does not know common words")

    fill(Refused(), 1)
    with pytest.raises(SelfTestFailed):
        drain(Refused())
    assert JobState.FAILED not in states()
    assert not IndexJob.objects.filter(claim__isnull=False).exists()
    drain(ColourEncoder())
    assert states() == {JobState.DONE: 2}


def test_an_encoder_without_a_picture_tower_still_embeds_the_texts() -> None:
    class Blind(ColourEncoder):
        def prepare_picture(self, picture: Image.Image) -> Pixels:
            raise ModalityUnsupported("no picture tower")

    fill(Blind(), 3)
    drain(Blind())
    assert states() == {JobState.DONE: 3, JobState.FAILED: 3}
    assert IndexJob.objects.filter(error_code="modality_unsupported").count() == 3


def test_a_vector_that_is_not_finite_is_no_embedding() -> None:
    class Overflowing(ColourEncoder):
        def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
            vectors = super().encode_texts(texts, role)
            vectors[[n for n, text in enumerate(texts) if "number 2" in text]] = np.nan
            return vectors

    encoder = Overflowing()
    fill(encoder, 4)
    drain(encoder)
    assert Embedding.objects.count() == 7
    assert "not finite" in IndexJob.objects.get(state=JobState.QUEUED).error


def test_a_job_whose_content_no_product_uses_is_dropped(encoder: ColourEncoder) -> None:
    fill(encoder, 2)
    Product.objects.get(sku="p0").delete()
    drain(encoder)
    assert states() == {JobState.DONE: 2}


def test_stopping_gives_back_what_the_model_has_not_begun() -> None:
    stopping = threading.Event()

    def stop(item: Pixels | str) -> bool:
        stopping.set()
        return False

    encoder = ColourEncoder(fails_on=stop, picture_batch_size=1)
    fill(encoder, 8)
    EncodeWorker(as_tunable(encoder), "here:1:1", stopping).run()
    left = states()
    assert set(left) == {JobState.DONE, JobState.QUEUED}, (
        "what was begun is finished, the rest waits unclaimed"
    )
    assert left[JobState.DONE] == Embedding.objects.count()
    assert not IndexJob.objects.filter(attempts__gt=0).exists()


def test_batches_are_in_the_model_side_by_side_where_the_encoder_says_so() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def meet(item: Pixels | str) -> bool:
        meeting.wait()
        return False

    encoder = ColourEncoder(fails_on=meet, picture_batch_size=1, max_concurrent_calls=2)
    for number in range(6):
        add_product(
            f"p{number}",
            title="",
            pictures=[picture_bytes(number)],
            space=encoder.space.fingerprint,
        )
    drain(encoder)
    assert states() == {JobState.DONE: 6}, "a lone call would wait until the barrier breaks"


def test_results_of_a_lost_claim_leave_the_job_alone(encoder: ColourEncoder) -> None:
    add_product("a", title="a thing", space=encoder.space.fingerprint)
    slow = claim_jobs(
        space=encoder.space.fingerprint, modality=Modality.TEXT, worker="slow", limit=9
    )
    assert slow
    IndexJob.objects.update(state=JobState.QUEUED, claim=None)
    fast = claim_jobs(
        space=encoder.space.fingerprint, modality=Modality.TEXT, worker="fast", limit=9
    )
    assert fast
    contents, orphans = load_contents(slow)
    store_batch(slow, encode_texts(contents, as_tunable(encoder)), orphans, as_tunable(encoder))
    job = IndexJob.objects.get()
    assert (job.state, job.claimed_by) == (JobState.CLAIMED, "fast")
    assert Embedding.objects.count() == 1, "the vector is as good as any"
    store_batch(fast, encode_texts(contents, as_tunable(encoder)), orphans, as_tunable(encoder))
    assert states() == {JobState.DONE: 1}
    assert Embedding.objects.count() == 1

"""Assets of products: which texts and files there are, and the jobs that encode them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.files.base import File
from django.core.files.storage import default_storage

from search.files import sha256_hex
from webapp.catalog.models import Asset, AssetKind, IndexJob, Product
from webapp.catalog.selectors.spaces import list_encoding_spaces


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A media file that is safe in the store, named by its content."""

    kind: AssetKind
    name: str
    content_hash: str
    source: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


def hash_text(text: str) -> str:
    return sha256_hex(text)


def storage_name(content_hash: str, suffix: str) -> str:
    """'assets/ab/abcdef….jpg': one place for a content, however many products show it."""
    return f"assets/{content_hash[:2]}/{content_hash}{suffix}"


def store_file(content: File, *, content_hash: str, suffix: str) -> str:
    """Put a media file where its hash says, once. Returns its name in the store."""
    name = storage_name(content_hash, suffix)
    if not default_storage.exists(name):
        saved = default_storage.save(name, content)
        if saved != name:
            # Another import stored the same content in the meantime.
            default_storage.delete(saved)
    return name


def get_product_texts(product: Product) -> dict[str, str]:
    """The texts that are encoded, by role. A title that only repeats the sku says nothing."""
    texts = {}
    if product.title.strip() and product.title.strip().casefold() != product.sku.strip().casefold():
        texts["title"] = product.title.strip()
    if product.description.strip():
        texts["description"] = product.description.strip()
    return texts


def make_text_assets(product: Product) -> list[Asset]:
    """Unsaved text assets of a product as it now stands."""
    return [
        Asset(
            product=product, kind=AssetKind.TEXT, role=role, text=text, content_hash=hash_text(text)
        )
        for role, text in get_product_texts(product).items()
    ]


def make_file_assets(product: Product, files: Iterable[StoredFile]) -> list[Asset]:
    """Unsaved media assets in the order given; a file named twice is kept once."""
    seen: dict[tuple[str, str], StoredFile] = {}
    for file in files:
        seen.setdefault((file.kind, file.content_hash), file)
    return [
        Asset(
            product=product,
            kind=file.kind,
            file=file.name,
            content_hash=file.content_hash,
            position=position,
            source=file.source,
            bytes=file.bytes,
            width=file.width,
            height=file.height,
            duration_s=file.duration_s,
        )
        for position, file in enumerate(seen.values())
    ]


def enqueue_jobs(assets: Iterable[Asset], *, space: str) -> int:
    """One job per content that has none in this space yet, and one in each space that is being
    made beside it.

    Returns how many contents were asked for.
    """
    wanted = sorted({(asset.kind, asset.content_hash) for asset in assets})
    spaces = sorted({space, *list_encoding_spaces()}) if wanted else []
    jobs = [
        IndexJob(space=each, modality=kind, content_hash=digest)
        for each in spaces
        for kind, digest in wanted
    ]
    IndexJob.objects.bulk_create(jobs, ignore_conflicts=True, batch_size=500)
    return len(wanted)

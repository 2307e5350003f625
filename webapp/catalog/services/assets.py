"""Assets of products: their texts and files, and the plan from stored assets to wanted ones."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from search.config import engine_settings
from search.files import copy_chunks, sha256_hex
from search.media.inspect import MediaInfo, inspect_media
from search.media.limits import MediaLimits
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind, Product

AssetKey = tuple[str, str, str]
"""Kind, role, content hash: unique within a product."""

_PLACE = ("position", "source")
SUFFIXES = {"jpeg": ".jpg", "tiff": ".tif", "matroska": ".webm"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A media file in the store, named by its content."""

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
    """Return 'assets/ab/abcdef….jpg': one place for a content that several products show."""
    return f"assets/{content_hash[:2]}/{content_hash}{suffix}"


def store_file(content: File[Any], *, content_hash: str, suffix: str) -> str:
    """Put a media file into the store under its hash, once. Return its name there."""
    name = storage_name(content_hash, suffix)
    if not default_storage.exists(name):
        saved = default_storage.save(name, content)
        if saved != name:
            # Another import stored the same content in the meantime.
            default_storage.delete(saved)
    return name


def file_suffix(format_name: str) -> str:
    """Return '.jpg' for 'jpeg'; stores and browsers read the type from the suffix."""
    return SUFFIXES.get(format_name, f".{format_name}")


def store_media(*, content: File[Any], wanted: Modality | None = None) -> StoredFile:
    """Check that the file decodes, and store it. Raises MediaError."""
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        _, digest = copy_chunks(content.chunks(), copy)
        copy.flush()
        info = inspect_media(Path(copy.name), MediaLimits.from_settings(engine_settings()), wanted)
    name = store_file(content, content_hash=digest, suffix=file_suffix(info.format))
    return make_stored_file(info, digest, name, source=content.name or "")


def make_stored_file(
    info: MediaInfo, content_hash: str, name: str, *, source: str = ""
) -> StoredFile:
    """Return the record of a file that was inspected and stored."""
    return StoredFile(
        kind=AssetKind(info.kind.value),
        name=name,
        content_hash=content_hash,
        source=source[:2000],
        bytes=info.bytes,
        width=info.width or None,
        height=info.height or None,
        duration_s=info.seconds,
    )


def get_product_texts(product: Product) -> dict[str, str]:
    """Return the texts to encode, by role. A title that only repeats the SKU is left out."""
    texts = {}
    title, description = product.title.strip(), product.description.strip()
    if title and title.casefold() != product.sku.strip().casefold():
        texts["title"] = title
    if description:
        texts["description"] = description
    return texts


def make_text_assets(product: Product) -> list[Asset]:
    """Return unsaved text assets for the product's present texts."""
    return [
        Asset(
            product=product, kind=AssetKind.TEXT, role=role, text=text, content_hash=hash_text(text)
        )
        for role, text in get_product_texts(product).items()
    ]


def make_file_assets(product: Product, files: Iterable[StoredFile]) -> list[Asset]:
    """Return unsaved media assets in the given order; a file named twice is kept once."""
    unique: dict[tuple[str, str], StoredFile] = {}
    for file in files:
        unique.setdefault((file.kind, file.content_hash), file)
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
        for position, file in enumerate(unique.values())
    ]


@dataclass(slots=True)
class AssetPlan:
    """Changes to the assets of one product or of several."""

    added: list[Asset] = field(default_factory=list)
    moved: list[Asset] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.moved or self.removed)

    def extend(self, other: AssetPlan) -> None:
        self.added += other.added
        self.moved += other.moved
        self.removed += other.removed


def plan_assets(
    stored: Sequence[Asset], wanted: Iterable[Asset], kinds: Iterable[str]
) -> AssetPlan:
    """Return the changes from stored to wanted assets; stored ones of other kinds stay.

    Assets that stay keep their ids, by which the vector index knows them.
    """
    kinds = set(kinds)
    left = {_key(asset): asset for asset in stored if asset.kind in kinds}
    plan = AssetPlan()
    for asset in wanted:
        kept = left.pop(_key(asset), None)
        if kept is None:
            plan.added.append(asset)
        elif any(getattr(kept, name) != getattr(asset, name) for name in _PLACE):
            kept.position, kept.source = asset.position, asset.source
            plan.moved.append(kept)
    plan.removed = [asset.pk for asset in left.values()]
    return plan


def plan_texts(product: Product) -> AssetPlan:
    """Return the changes to the text assets of one product, with at most one query."""
    stored = list(product.assets.filter(kind=AssetKind.TEXT)) if product.pk else []
    return plan_assets(stored, make_text_assets(product), [AssetKind.TEXT])


def write_assets(plan: AssetPlan) -> None:
    """Write the changes. The products of new assets must have been saved."""
    if plan.removed:
        Asset.objects.filter(pk__in=plan.removed).delete()
    Asset.objects.bulk_update(plan.moved, _PLACE)
    Asset.objects.bulk_create(plan.added)


def _key(asset: Asset) -> AssetKey:
    return asset.kind, asset.role, asset.content_hash

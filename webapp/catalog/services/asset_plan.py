"""Which assets of a product stay, go and come. Assets that stay keep their ids: the vector index
knows them by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from webapp.catalog.models import Asset

AssetKey = tuple[str, str, str]
"""Kind, role, content hash: unique within a product."""

_PLACE = ("position", "source")


@dataclass(slots=True)
class AssetPlan:
    """Changes to assets, of one product or of many."""

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
    """From the stored assets to the wanted ones; stored assets of other kinds are left alone."""
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


def write_assets(plan: AssetPlan) -> None:
    """Carry the plan out. New assets' products must have been saved."""
    if plan.removed:
        Asset.objects.filter(pk__in=plan.removed).delete()
    Asset.objects.bulk_update(plan.moved, _PLACE)
    Asset.objects.bulk_create(plan.added)


def _key(asset: Asset) -> AssetKey:
    return asset.kind, asset.role, asset.content_hash

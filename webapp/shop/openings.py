"""Where the cards of a results page lead: to the product, and to the second of its clip that answers the question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from search.types import Evidence, Modality, asset_of
from webapp.catalog.models import Product
from webapp.catalog.selectors.previews import clip_hashes, previews_of
from webapp.catalog.services.previews import frame_file
from webapp.retrieval.request import ProductHit
from webapp.shop.evidence import moment_of, strongest
from webapp.shop.wish import Wish


@dataclass(frozen=True, slots=True)
class Opening:
    """The address of a product, and of the key frame it was found by, where that is its best evidence."""

    url: str
    frame: str = ""


def plain_opening(product: Product) -> Opening:
    return Opening(reverse("shop:product", args=[product.sku]))


def preview_url(content_hash: str, file: str) -> str:
    return reverse("shop:preview", args=[content_hash, file])


def openings_of(hits: Iterable[ProductHit], wish: Wish) -> dict[int, Opening]:
    """By product id, of those found by a moment of a clip. At most two queries."""
    found = {hit.product.pk: (hit, ordered) for hit in hits if (ordered := strongest(hit.evidence))}
    seen = {pk: ordered[0] for pk, (_, ordered) in found.items() if _is_key_frame(ordered[0])}
    hashes = clip_hashes({asset_of(piece.view_id) for piece in seen.values()})
    previews = previews_of(set(hashes.values()))

    def frame(pk: int) -> str:
        digest = hashes.get(asset_of(seen[pk].view_id), "") if pk in seen else ""
        number = previews[digest].frame_at(moment_of(seen[pk]) or 0.0) if digest in previews else None
        return "" if number is None else preview_url(digest, frame_file(number))

    return {
        pk: Opening(_url(hit.product, piece, wish), frame(pk))
        for pk, (hit, ordered) in found.items()
        if (piece := next((each for each in ordered if moment_of(each) is not None), None))
    }


def _is_key_frame(piece: Evidence) -> bool:
    return piece.modality is Modality.VIDEO and moment_of(piece) is not None


def _url(product: Product, piece: Evidence, wish: Wish) -> str:
    """With the question, so that the page can mark every moment that answers it."""
    clip = asset_of(piece.view_id)
    asked = urlencode([*wish.kept_pairs(), ("clip", clip), ("t", f"{moment_of(piece):.2f}")])
    return f"{reverse('shop:product', args=[product.sku])}?{asked}#clip-{clip}"

"""Where the cards of a results page lead: to the product, and to the second of its clip that
answers the question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from search.types import Evidence, Modality, view_asset_id
from webapp.catalog.models import Product
from webapp.catalog.selectors.previews import NOTHING, get_previews, get_video_hashes
from webapp.catalog.services.previews import frame_filename
from webapp.retrieval.search_query import ProductHit
from webapp.shop.match_reasons import moment_of, strongest
from webapp.shop.search_params import Wish
from webapp.shop.timecodes import written


@dataclass(frozen=True, slots=True)
class Opening:
    """The address of a product, and of the key frame that a card shows: its best evidence, or in
    place of a picture.
    """

    url: str
    frame: str = ""


def plain_opening(product: Product) -> Opening:
    return Opening(reverse("shop:product", args=[product.sku]))


def preview_url(content_hash: str, file: str) -> str:
    return reverse("shop:preview", args=[content_hash, file])


def openings_of(hits: Sequence[ProductHit], wish: Wish) -> dict[int, Opening]:
    """By product id, of those found by a moment of a clip, and of those that have a video alone
    to be shown by. At most two queries.
    """
    found = {hit.product.pk: strongest(hit.evidence) for hit in hits}
    frames = _frames(hits, found)
    openings = {}
    for hit in hits:
        pk = hit.product.pk
        piece = next((each for each in found[pk] if moment_of(each) is not None), None)
        if piece or pk in frames:
            url = _url(hit.product, piece, wish) if piece else plain_opening(hit.product).url
            openings[pk] = Opening(url, frames.get(pk, ""))
    return openings


def _frames(hits: Iterable[ProductHit], found: Mapping[int, Sequence[Evidence]]) -> dict[int, str]:
    """Addresses of key frames by product id: of the best evidence, or the first one where there
    is no picture.
    """
    best = {
        pk: ordered[0] for pk, ordered in found.items() if ordered and _is_key_frame(ordered[0])
    }
    videos = get_video_hashes(
        product_ids={hit.product.pk for hit in hits if not hit.product.pictures} | best.keys()
    )
    previews = get_previews({digest for _, _, digest in videos})
    frames: dict[int, str] = {}
    for pk, asset, digest in videos:
        if pk in best and asset != view_asset_id(best[pk].view_id):
            continue
        second = moment_of(best[pk]) if pk in best else None
        number = previews.get(digest, NOTHING).frame_at(second or 0.0)
        if number is not None:
            frames.setdefault(pk, preview_url(digest, frame_filename(number)))
    return frames


def _is_key_frame(piece: Evidence) -> bool:
    return piece.modality is Modality.VIDEO and moment_of(piece) is not None


def _url(product: Product, piece: Evidence, wish: Wish) -> str:
    """With the question, so that the page can mark every moment that answers it."""
    clip = view_asset_id(piece.view_id)
    asked = urlencode([*wish.kept_pairs(), ("clip", clip), ("t", written(moment_of(piece) or 0.0))])
    return f"{reverse('shop:product', args=[product.sku])}?{asked}#clip-{clip}"

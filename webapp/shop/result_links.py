"""Link targets of result cards: the product, and the matching second of its clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from search.types import Evidence, Modality, view_asset_id
from webapp.catalog.models import Product
from webapp.catalog.selectors.clips import NOTHING, get_previews, get_video_hashes
from webapp.catalog.services.previews import frame_filename
from webapp.retrieval.results import ProductHit
from webapp.shop.match_reasons import best_per_modality, timestamp
from webapp.shop.search_params import SearchParams
from webapp.shop.timecodes import format_seconds


@dataclass(frozen=True, slots=True)
class ResultLink:
    """The URL of a product, and of the key frame that its card shows in place of a picture."""

    url: str
    frame: str = ""


def product_link(product: Product) -> ResultLink:
    return ResultLink(reverse("shop:product", args=[product.sku]))


def preview_url(content_hash: str, file: str) -> str:
    return reverse("shop:preview", args=[content_hash, file])


def build_result_links(hits: Sequence[ProductHit], params: SearchParams) -> dict[int, ResultLink]:
    """Return links by product id, only of products whose link differs from `product_link`.

    These are products that match at a time of a clip, and products with a video but no picture.
    At most two database queries.
    """
    evidence = {hit.product.pk: best_per_modality(hit.evidence) for hit in hits}
    frames = _key_frame_urls(hits, evidence)
    links = {}
    for hit in hits:
        pk = hit.product.pk
        in_clip = next((item for item in evidence[pk] if timestamp(item) is not None), None)
        if in_clip:
            links[pk] = ResultLink(_clip_url(hit.product, in_clip, params), frames.get(pk, ""))
        elif pk in frames:
            links[pk] = ResultLink(product_link(hit.product).url, frames[pk])
    return links


def _key_frame_urls(
    hits: Iterable[ProductHit], evidence: Mapping[int, Sequence[Evidence]]
) -> dict[int, str]:
    """Return URLs of key frames by product id.

    The frame is the best evidence of its product, or the first one where there is no picture.
    """
    best = {pk: items[0] for pk, items in evidence.items() if items and _is_key_frame(items[0])}
    without_picture = {hit.product.pk for hit in hits if not hit.pictures}
    videos = get_video_hashes(product_ids=without_picture | best.keys())
    previews = get_previews({digest for _, _, digest in videos})
    urls: dict[int, str] = {}
    for pk, asset, digest in videos:
        if pk in best and asset != view_asset_id(best[pk].view_id):
            continue
        second = timestamp(best[pk]) if pk in best else None
        number = previews.get(digest, NOTHING).frame_at(second or 0.0)
        if number is not None:
            urls.setdefault(pk, preview_url(digest, frame_filename(number)))
    return urls


def _is_key_frame(evidence: Evidence) -> bool:
    return evidence.modality is Modality.VIDEO and timestamp(evidence) is not None


def _clip_url(product: Product, evidence: Evidence, params: SearchParams) -> str:
    """Return the product's URL with the query, so that its page can mark every match."""
    clip = view_asset_id(evidence.view_id)
    second = format_seconds(timestamp(evidence) or 0.0)
    query = urlencode([*params.query_pairs(), ("clip", clip), ("t", second)])
    return f"{reverse('shop:product', args=[product.sku])}?{query}#clip-{clip}"

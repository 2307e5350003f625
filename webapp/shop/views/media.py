"""Files of assets, their thumbnails and what was made of clips, all named by content."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from search.errors import MediaError
from webapp.catalog.services.assets import storage_name
from webapp.catalog.services.previews import SUBTITLES, discard_preview, preview_path
from webapp.shop.http_range import FileWindow, Unsatisfiable, parse_range
from webapp.shop.media_types import SHOWN_INLINE
from webapp.shop.thumbnails import thumbnail

A_YEAR_S = 31_536_000
A_DAY_S = 86_400
BLOCK_BYTES = 64 * 1024


def _etag(request: HttpRequest, content_hash: str, **parts: object) -> str:
    return f'"{content_hash[:32]}{parts.get("width", "")}"'


def _kept_for_good(response: HttpResponseBase) -> HttpResponseBase:
    patch_cache_control(response, public=True, max_age=A_YEAR_S, immutable=True)
    return response


@require_safe
@condition(etag_func=_etag)
def asset_file(
    request: HttpRequest, content_hash: str, suffix: str, folder: str
) -> HttpResponseBase:
    """The stored file of an asset, whole or in part."""
    name = storage_name(content_hash, suffix)
    if folder != content_hash[:2] or not default_storage.exists(name):
        raise Http404(name)
    size = default_storage.size(name)
    try:
        span = parse_range(_range_header(request, _etag(request, content_hash)), size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    first, last = span or (0, size - 1)
    response = FileResponse(
        FileWindow(default_storage.open(name), first, last - first + 1),
        status=206 if span else 200,
        content_type=SHOWN_INLINE.get(suffix, "application/octet-stream"),
        as_attachment=suffix not in SHOWN_INLINE,
        filename=PurePosixPath(name).name,
    )
    response.block_size = BLOCK_BYTES
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Length"] = str(last - first + 1)
    if span:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _kept_for_good(response)


def _range_header(request: HttpRequest, etag: str) -> str:
    """The Range header, unless If-Range names another version of the file."""
    if request.headers.get("If-Range", etag) != etag:
        return ""
    return request.headers.get("Range", "")


@require_safe
@condition(etag_func=_etag)
def picture_thumbnail(
    request: HttpRequest, content_hash: str, suffix: str, width: str
) -> HttpResponseBase:
    """A picture asset as WebP, at most `width` pixels wide."""
    try:
        path = thumbnail(storage_name(content_hash, suffix), content_hash, int(width))
    except (FileNotFoundError, MediaError) as error:
        raise Http404(str(error)) from error
    return _kept_for_good(FileResponse(path.open("rb"), content_type="image/webp"))


@require_safe
def clip_preview(request: HttpRequest, content_hash: str, file: str) -> HttpResponseBase:
    """A picture or the subtitles of a clip. One that is lost is made again."""
    try:
        content = default_storage.open(preview_path(content_hash, file))
    except FileNotFoundError as error:
        discard_preview(content_hash, file)
        raise Http404(file) from error
    kind = "text/vtt; charset=utf-8" if file == SUBTITLES else "image/webp"
    response = FileResponse(content, content_type=kind)
    # Not for good: another release may draw them otherwise.
    patch_cache_control(response, public=True, max_age=A_DAY_S)
    return response

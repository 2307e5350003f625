"""Files of assets, thumbnails and clip previews; their URLs contain the content hash."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import BinaryIO, cast

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from search.errors import MediaError
from webapp.catalog.services.assets import storage_name
from webapp.catalog.services.previews import SUBTITLES, discard_preview, preview_path
from webapp.shop.http_range import FileWindow, Unsatisfiable, parse_range
from webapp.shop.media_files import INLINE_TYPES, get_thumbnail

YEAR_S = 31_536_000
DAY_S = 86_400
BLOCK_SIZE = 64 * 1024


def _etag(request: HttpRequest, content_hash: str, **parts: object) -> str:
    return f'"{content_hash[:32]}{parts.get("width", "")}"'


def _cache_forever(response: HttpResponseBase) -> HttpResponseBase:
    patch_cache_control(response, public=True, max_age=YEAR_S, immutable=True)
    return response


@require_safe
@condition(etag_func=_etag)
def asset_file(
    request: HttpRequest, content_hash: str, suffix: str, folder: str
) -> HttpResponseBase:
    """Serve the stored file of an asset, or a byte range of it."""
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
        # A Django File reads like a binary one.
        FileWindow(cast("BinaryIO", default_storage.open(name)), first, last - first + 1),
        status=206 if span else 200,
        content_type=INLINE_TYPES.get(suffix, "application/octet-stream"),
        as_attachment=suffix not in INLINE_TYPES,
        filename=PurePosixPath(name).name,
    )
    response.block_size = BLOCK_SIZE
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Length"] = str(last - first + 1)
    if span:
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return _cache_forever(response)


def _range_header(request: HttpRequest, etag: str) -> str:
    """Return the Range header, '' when If-Range names another version of the file."""
    if request.headers.get("If-Range", etag) != etag:
        return ""
    return request.headers.get("Range", "")


@require_safe
@condition(etag_func=_etag)
def picture_thumbnail(
    request: HttpRequest, content_hash: str, suffix: str, width: str
) -> HttpResponseBase:
    """Serve a picture asset as WebP, at most `width` pixels wide."""
    try:
        path = get_thumbnail(storage_name(content_hash, suffix), content_hash, int(width))
    except (FileNotFoundError, MediaError) as error:
        raise Http404(str(error)) from error
    return _cache_forever(FileResponse(path.open("rb"), content_type="image/webp"))


@require_safe
def clip_preview(request: HttpRequest, content_hash: str, file: str) -> HttpResponseBase:
    """Serve a key frame, spectrogram or subtitles of a clip; a lost file is made again."""
    try:
        content = default_storage.open(preview_path(content_hash, file))
    except FileNotFoundError as error:
        discard_preview(content_hash, file)
        raise Http404(file) from error
    kind = "text/vtt; charset=utf-8" if file == SUBTITLES else "image/webp"
    response = FileResponse(content, content_type=kind)
    # Not forever: another release may render them differently.
    patch_cache_control(response, public=True, max_age=DAY_S)
    return response

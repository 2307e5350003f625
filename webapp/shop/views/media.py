"""Files of assets and their thumbnails. Both are named by content, so browsers may keep them for good."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from search.errors import MediaError
from webapp.catalog.services.assets import stored_name
from webapp.shop.ranges import FileWindow, Unsatisfiable, parse_range
from webapp.shop.thumbnails import thumbnail

A_YEAR_S = 31_536_000
BLOCK_BYTES = 64 * 1024

SHOWN_INLINE = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".avif": "image/avif", ".bmp": "image/bmp",
    ".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg",
    ".flac": "audio/flac", ".m4a": "audio/mp4", ".aac": "audio/aac",
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime", ".ogv": "video/ogg",
}  # fmt: skip
"""What a browser may show by itself; anything else is downloaded, so that no stored file can run as a page."""


def _etag(request: HttpRequest, content_hash: str, **parts: object) -> str:
    return f'"{content_hash[:32]}{parts.get("width", "")}"'


def _kept_for_good(response: HttpResponseBase) -> HttpResponseBase:
    patch_cache_control(response, public=True, max_age=A_YEAR_S, immutable=True)
    return response


@require_safe
@condition(etag_func=_etag)
def asset_file(request: HttpRequest, content_hash: str, suffix: str, folder: str) -> HttpResponseBase:
    """The stored file of an asset, whole or in part."""
    name = stored_name(content_hash, suffix)
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
def picture_thumbnail(request: HttpRequest, content_hash: str, suffix: str, width: str) -> HttpResponseBase:
    """A picture asset as WebP, at most `width` pixels wide."""
    try:
        path = thumbnail(stored_name(content_hash, suffix), content_hash, int(width))
    except (FileNotFoundError, MediaError) as error:
        raise Http404(str(error)) from error
    return _kept_for_good(FileResponse(path.open("rb"), content_type="image/webp"))

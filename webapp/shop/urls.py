"""URLs of the shop."""

from django.urls import path, re_path

from webapp.clicklog.views import click
from webapp.shop.media_files import THUMBNAIL_WIDTHS
from webapp.shop.views import home, media, product, results, transcription, well_known

app_name = "shop"

_CONTENT = r"(?P<content_hash>[0-9a-f]{64})(?P<suffix>\.[a-z0-9]{1,5})"

urlpatterns = [
    path("", home.home, name="home"),
    path("search", results.search, name="search"),
    path("transcriptions", transcription.transcription, name="transcription"),
    path("clicks", click, name="click"),
    path("c/<slug:slug>/", results.category, name="category"),
    path("p/<path:sku>/", product.product, name="product"),
    path("robots.txt", well_known.robots, name="robots"),
    path("favicon.ico", well_known.favicon, name="favicon"),
    re_path(
        rf"^media/assets/(?P<folder>[0-9a-f]{{2}})/{_CONTENT}$", media.asset_file, name="asset-file"
    ),
    re_path(
        r"^previews/(?P<content_hash>[0-9a-f]{64})/(?P<file>frame-[0-9]{1,3}\.webp|spectrogram\.webp|subtitles\.vtt)$",
        media.clip_preview,
        name="preview",
    ),
    re_path(
        rf"^thumbnails/(?P<width>{'|'.join(map(str, THUMBNAIL_WIDTHS))})/{_CONTENT}\.webp$",
        media.picture_thumbnail,
        name="thumbnail",
    ),
]

"""Routes of the REST API, version 1."""

from __future__ import annotations

import unicodedata

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from webapp.api.views import (
    assets,
    clicks,
    index,
    products,
    search,
    speech,
    uploads,
)
from webapp.api.views.base import NotFoundView


class SkuConverter(StringConverter):
    """A SKU in NFC, as products hold it.

    It can contain slashes (sent as %2F), so the route of a product comes last.
    """

    regex = r"[^\x00]{1,64}"

    def to_python(self, value: str) -> str:
        return unicodedata.normalize("NFC", value)


class RowIdConverter:
    """A primary key that fits the database column; a longer number matches no route."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(SkuConverter, "sku")
register_converter(RowIdConverter, "rowid")

app_name = "api"

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    path("search", search.SearchView.as_view(), name="search"),
    path("transcriptions", speech.TranscriptionListView.as_view(), name="transcriptions"),
    path("clicks", clicks.ClickListView.as_view(), name="clicks"),
    path("products", products.ProductListView.as_view(), name="products"),
    path("products/<sku:sku>/assets", assets.AssetListView.as_view(), name="assets"),
    path("products/<sku:sku>/assets/<rowid:asset_id>", assets.AssetView.as_view(), name="asset"),
    path("products/<sku:sku>/moments", products.MomentsView.as_view(), name="moments"),
    path("products/<sku:sku>/similar", products.SimilarView.as_view(), name="similar"),
    path("products/<sku:sku>", products.ProductView.as_view(), name="product"),
    path("uploads", uploads.UploadListView.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>", uploads.UploadView.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/rows", uploads.UploadRowsView.as_view(), name="upload-rows"),
    path(
        "uploads/<uuid:upload_id>/failed-rows",
        uploads.FailedRowsView.as_view(),
        name="upload-failed-rows",
    ),
    path(
        "uploads/<uuid:upload_id>/cancel", uploads.UploadCancelView.as_view(), name="upload-cancel"
    ),
    path("jobs", index.JobListView.as_view(), name="jobs"),
    path("jobs/<rowid:job_id>", index.JobView.as_view(), name="job"),
    path("jobs/<rowid:job_id>/retry", index.JobRetryView.as_view(), name="job-retry"),
    path("index", index.IndexView.as_view(), name="index"),
    re_path("^", NotFoundView.as_view()),
]

"""The catalogue manager's pages."""

from django.conf import settings
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from webapp.catalog.admin.index import EmbeddingAdmin, IndexGenerationAdmin, IndexJobAdmin
from webapp.catalog.admin.model_change import ModelChangeAdmin
from webapp.catalog.admin.product import AssetAdmin, CategoryAdmin, ProductAdmin
from webapp.catalog.admin.tuning import TuningAdmin
from webapp.catalog.admin.upload import UploadAdmin, UploadRowAdmin

admin.site.site_header = settings.SITE_NAME
admin.site.site_title = settings.SITE_NAME
admin.site.index_title = _("Catalogue and index")

__all__ = [
    "AssetAdmin",
    "CategoryAdmin",
    "EmbeddingAdmin",
    "IndexGenerationAdmin",
    "IndexJobAdmin",
    "ModelChangeAdmin",
    "ProductAdmin",
    "TuningAdmin",
    "UploadAdmin",
    "UploadRowAdmin",
]

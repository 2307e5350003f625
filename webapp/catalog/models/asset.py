"""Assets: one file or text of a product."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from search.types import Modality
from webapp.catalog.models.product import Product


class AssetKind(models.TextChoices):
    """What an asset is."""

    TEXT = Modality.TEXT.value, _("text")
    PICTURE = Modality.PICTURE.value, _("picture")
    AUDIO = Modality.AUDIO.value, _("audio")
    VIDEO = Modality.VIDEO.value, _("video")


class Asset(models.Model):
    """One file or text of a product.

    Its id is part of the ids of its views in the vector index. Files are stored under their content
    hash: a picture that two products use is stored once and encoded once.
    """

    product = models.ForeignKey(
        Product, verbose_name=_("product"), on_delete=models.CASCADE, related_name="assets"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=AssetKind)
    role = models.CharField(
        _("role"), max_length=16, blank=True, help_text=_("for texts: title or description")
    )
    file = models.FileField(_("file"), max_length=200, blank=True)
    text = models.TextField(_("text"), blank=True)
    content_hash = models.CharField(_("content hash"), max_length=64, db_index=True)
    position = models.PositiveIntegerField(_("order"), default=0)
    source = models.CharField(
        _("source"), max_length=2000, blank=True, help_text=_("path or URL in the upload")
    )
    bytes = models.BigIntegerField(_("size in bytes"), default=0)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    duration_s = models.FloatField(null=True, blank=True)
    error = models.CharField(
        _("error"), max_length=500, blank=True, help_text=_("why it could not be encoded")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ["product_id", "kind", "position", "id"]
        verbose_name = _("asset")
        verbose_name_plural = _("assets")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "kind", "role", "content_hash"], name="asset_once_per_product"
            ),
            models.CheckConstraint(
                condition=(Q(kind="text") & Q(file="") & ~Q(text=""))
                | (~Q(kind="text") & ~Q(file="") & Q(text="")),
                name="asset_is_text_or_file",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.content_hash[:10]}"

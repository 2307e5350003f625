"""Products and their category tree."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from treebeard.mp_tree import MP_Node


def translated(translations: dict[str, Any], default: str) -> str:
    """Return the value for the active language, or for its base: 'zh' of 'zh-hans'."""
    language = (get_language() or "en").lower()
    for key in (language, language.split("-")[0]):
        if value := translations.get(key):
            return str(value)
    return default


class Category(MP_Node):  # type: ignore[misc]  # treebeard has no types
    """A node of the category tree; `names` holds translations by language code."""

    name = models.CharField(_("name"), max_length=120)
    names = models.JSONField(_("translations"), default=dict, blank=True)
    slug = models.SlugField(_("slug"), max_length=160, unique=True)

    node_order_by = ["name"]

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the active language."""
        return translated(self.names, self.name)


class Product(models.Model):
    """A sellable thing.

    `index_seq` is the clock value of the last change to what search may return of it.
    """

    sku = models.CharField(_("SKU"), max_length=64, unique=True)
    title = models.CharField(_("title"), max_length=300)
    description = models.TextField(_("description"), blank=True)
    translations = models.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        help_text=_('by language: {"zh": {"title": …, "description": …}}'),
    )
    language = models.CharField(_("language"), max_length=16, default="en")
    brand = models.CharField(_("brand"), max_length=120, blank=True, db_index=True)
    category = models.ForeignKey(
        Category,
        verbose_name=_("category"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="products",
    )
    price = models.DecimalField(
        _("price"), max_digits=12, decimal_places=2, null=True, blank=True, db_index=True
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    visible = models.BooleanField(_("visible"), default=True)
    index_seq = models.BigIntegerField(default=0, db_index=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        ordering = ["id"]
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.CheckConstraint(condition=~Q(sku=""), name="product_sku_not_empty"),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | Q(price__gte=0), name="product_price_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(price__isnull=True) | ~Q(currency=""), name="product_price_has_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku} · {self.title}"

    def _local(self, field: str) -> str:
        values = {language: texts.get(field) for language, texts in self.translations.items()}
        return translated(values, getattr(self, field))

    @property
    def local_title(self) -> str:
        """The title in the active language."""
        return self._local("title")

    @property
    def local_description(self) -> str:
        """The description in the active language."""
        return self._local("description")

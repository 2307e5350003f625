"""Attribute values as rows, so that filters and facets are indexed SQL on every database."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.catalog.models.product import Product


class AttributeValue(models.Model):
    """One value of one attribute of a product, derived from `Product.attributes`.

    A list gives several rows.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="attribute_values")
    name = models.CharField(_("name"), max_length=80)
    value = models.CharField(_("value"), max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "name", "value"], name="attribute_value_once"
            )
        ]
        indexes = [models.Index(fields=["name", "value", "product"], name="attribute_by_value")]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"

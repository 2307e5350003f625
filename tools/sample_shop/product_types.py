"""All product types of the shop."""

from __future__ import annotations

from tools.sample_shop.product_types_leisure import LEISURE
from tools.sample_shop.product_types_living import LIVING

PRODUCT_TYPES = (*LIVING, *LEISURE)
PRODUCT_TYPES_BY_KEY = {product_type.key: product_type for product_type in PRODUCT_TYPES}

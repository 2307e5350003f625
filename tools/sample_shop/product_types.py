"""Every shelf of the shop."""

from __future__ import annotations

from tools.sample_shop.product_types_leisure import LEISURE
from tools.sample_shop.product_types_living import LIVING

KINDS = (*LIVING, *LEISURE)
BY_KEY = {kind.key: kind for kind in KINDS}

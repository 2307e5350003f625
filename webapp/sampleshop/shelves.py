"""Every shelf of the shop."""

from __future__ import annotations

from webapp.sampleshop.shelves_leisure import LEISURE
from webapp.sampleshop.shelves_living import LIVING

KINDS = (*LIVING, *LEISURE)
BY_KEY = {kind.key: kind for kind in KINDS}

"""Names inside Milvus, and the filter expressions that use them.

omnishelf_<space>_t<tenant>             alias: points to the live generation's collection
omnishelf_<space>_t<tenant>_g<number>   collection: one generation
<tenant>/<modality>                     value of the partition key: decides the partition of a row
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from search.types import Ids, Modality, Space

PARTITION_KEY = "part"
ROW, VIEW_ID, PRODUCT_ID, VECTOR = "row", "view_id", "product_id", "vector"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one space and tenant.

    The settings check the form of a tenant's name, so it needs no quoting.
    """

    fingerprint: str
    tenant: str

    @classmethod
    def of(cls, space: Space, tenant: str) -> Names:
        return cls(space.fingerprint, tenant)

    @property
    def alias(self) -> str:
        # Milvus allows no dash. Doubling underscores keeps the names of different tenants apart.
        escaped = self.tenant.replace("_", "__").replace("-", "_d")
        return f"omnishelf_{self.fingerprint}_t{escaped}"

    def collection(self, number: int) -> str:
        return f"{self.alias}_g{number}"

    def number(self, collection: str) -> int | None:
        """Return the generation that a collection holds; None for any other collection."""
        match = re.fullmatch(re.escape(self.alias) + r"_g([1-9]\d{0,15})", collection)
        return int(match[1]) if match else None

    def part(self, modality: Modality) -> str:
        return f"{self.tenant}/{modality.value}"

    def part_is(self, modality: Modality) -> str:
        """Return the filter for this tenant and modality; Milvus searches no other partition."""
        return f'{PARTITION_KEY} == "{self.part(modality)}"'

    def part_is_any(self) -> str:
        """Return the filter for all rows of this tenant."""
        parts = ", ".join(f'"{self.part(modality)}"' for modality in Modality)
        return f"{PARTITION_KEY} in [{parts}]"


def product_in(product_ids: Ids) -> str:
    return f" and {PRODUCT_ID} in [{_join(product_ids)}]"


def product_not_in(product_ids: Ids) -> str:
    return f" and {PRODUCT_ID} not in [{_join(product_ids)}]" if product_ids.size else ""


def row_between(first: int, last: int) -> str:
    """Return the filter for rows from `first` up to, but without, `last`."""
    return f" and {ROW} >= {first} and {ROW} < {last}"


def row_in(rows: Ids) -> str:
    return f" and {ROW} in [{_join(rows)}]"


def _join(numbers: Ids) -> str:
    return ", ".join(map(str, numbers.tolist()))

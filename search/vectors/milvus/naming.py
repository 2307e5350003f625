"""Names inside Milvus, and the filter expressions that use them.

omnishelf_<space>_t<tenant>             alias: points to the live generation's collection
omnishelf_<space>_t<tenant>_g<number>   collection: one generation
<tenant>/<modality>                     value of the partition key: which partition a row lies in
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from search.types import Ids, Modality, Space

PARTITION_KEY = "part"
ROW, VIEW_ID, PRODUCT_ID, VECTOR = "row", "view_id", "product_id", "vector"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one space and tenant. The tenant's form is checked by the settings: it needs no
    quoting.
    """

    fingerprint: str
    tenant: str

    @classmethod
    def of(cls, space: Space, tenant: str) -> Names:
        return cls(space.fingerprint, tenant)

    @property
    def alias(self) -> str:
        # Milvus allows no dash. A doubled underscore keeps the names of different tenants apart.
        escaped = self.tenant.replace("_", "__").replace("-", "_d")
        return f"omnishelf_{self.fingerprint}_t{escaped}"

    def collection(self, number: int) -> str:
        return f"{self.alias}_g{number}"

    def number(self, collection: str) -> int | None:
        """The generation a collection holds; None for a collection of somebody else."""
        match = re.fullmatch(re.escape(self.alias) + r"_g([1-9]\d{0,15})", collection)
        return int(match[1]) if match else None

    def part(self, modality: Modality) -> str:
        return f"{self.tenant}/{modality.value}"

    def in_part(self, modality: Modality) -> str:
        """Rows of this tenant and modality: Milvus looks into no other partition."""
        return f'{PARTITION_KEY} == "{self.part(modality)}"'

    def in_any_part(self) -> str:
        """Rows of this tenant."""
        return f"{PARTITION_KEY} in [{', '.join(chr(34) + self.part(modality) + chr(34) for modality in Modality)}]"


def among(product_ids: Ids) -> str:
    return f" and {PRODUCT_ID} in [{_listed(product_ids)}]"


def not_among(product_ids: Ids) -> str:
    return f" and {PRODUCT_ID} not in [{_listed(product_ids)}]" if product_ids.size else ""


def rows_between(first: int, last: int) -> str:
    """Rows from `first` up to but without `last`."""
    return f" and {ROW} >= {first} and {ROW} < {last}"


def rows_listed(rows: Ids) -> str:
    return f" and {ROW} in [{_listed(rows)}]"


def _listed(numbers: Ids) -> str:
    return ", ".join(map(str, numbers.tolist()))

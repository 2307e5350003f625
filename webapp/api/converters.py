"""Path parts. Ids that no database column holds match nothing instead of overflowing."""

from __future__ import annotations

from django.urls.converters import StringConverter


class SkuConverter(StringConverter):
    """A sku may hold slashes (sent as %2F), so it takes everything that the routes after it do
    not.
    """

    regex = r"[^\x00]{1,64}"


class RowIdConverter:
    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)

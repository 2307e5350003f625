"""Normalise SKUs to Unicode NFC, in which REST and uploads look them up."""

import unicodedata

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def normalise_skus(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Rename SKUs that are not in NFC, unless another product has the normal form already."""
    products = apps.get_model("catalog", "Product").objects.using(schema_editor.connection.alias)
    renamed = {
        pk: normal
        for pk, sku in products.values_list("pk", "sku").iterator()
        if (normal := unicodedata.normalize("NFC", sku)) != sku
    }
    for pk, normal in renamed.items():
        if not products.filter(sku=normal).exists():
            products.filter(pk=pk).update(sku=normal)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_leases")]

    operations = [migrations.RunPython(normalise_skus, migrations.RunPython.noop)]

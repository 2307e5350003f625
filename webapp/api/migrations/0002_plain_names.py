"""Rename fields; no row changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]

    operations = [
        migrations.RenameField("apikey", "created", "created_at"),
        migrations.RenameField("apikey", "last_used", "last_used_at"),
        migrations.RenameField("idempotentrequest", "created", "created_at"),
    ]

"""Rename models and fields; no row changes.

The time at which a preview was claimed becomes the end of its lease: a preview that a process of
the former release has begun counts as abandoned, and is made again.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

RENAMED_MODELS = (("SpaceChange", "ModelChange"), ("TowerFeatures", "CachedFeatures"))

RENAMED_FIELDS = {
    "asset": {"created": "created_at", "fault": "error", "seconds": "duration_s"},
    "product": {"created": "created_at", "updated": "updated_at"},
    "embedding": {"created": "created_at"},
    "indexjob": {
        "created": "created_at",
        "finished": "finished_at",
        "lease_until": "lease_expires_at",
    },
    "indexgeneration": {"published": "published_at"},
    "removedproduct": {"removed": "removed_at"},
    "clippreview": {"claimed": "lease_expires_at", "made": "made_at", "seconds": "duration_s"},
    "upload": {
        "created": "created_at",
        "started": "started_at",
        "finished": "finished_at",
        "lease_until": "lease_expires_at",
    },
    "tuning": {
        "created": "created_at",
        "finished": "finished_at",
        "lease_until": "lease_expires_at",
        "former": "previous",
        "rollback_asked": "rollback_requested",
    },
    "modelchange": {
        "created": "created_at",
        "finished": "finished_at",
        "lease_until": "lease_expires_at",
        "former": "previous",
        "former_preset": "previous_preset",
        "former_base": "previous_base",
        "former_space": "previous_space",
        "golden": "golden_source",
        "questions": "query_count",
        "skipped": "skipped_count",
        "set_aside": "failed_count",
    },
}


def rename_permissions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let users and groups keep the permissions that they have on the renamed models."""
    permissions = apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias)
    for old, new in RENAMED_MODELS:
        for action in ("add", "change", "delete", "view"):
            permissions.filter(
                content_type__app_label="catalog", codename=f"{action}_{old.lower()}"
            ).update(codename=f"{action}_{new.lower()}")


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0006_clip_preview"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        *(migrations.RenameModel(old, new) for old, new in RENAMED_MODELS),
        *(
            migrations.RenameField(model, old, new)
            for model, fields in RENAMED_FIELDS.items()
            for old, new in fields.items()
        ),
        migrations.AlterModelOptions(
            name="indexgeneration",
            options={
                "ordering": ["-published_at"],
                "verbose_name": "index generation",
                "verbose_name_plural": "index generations",
            },
        ),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
    ]

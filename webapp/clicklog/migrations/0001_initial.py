"""Takes the model over from the app `shop`, with its table, rows and permissions."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def _move_content_type(apps: Apps, editor: BaseDatabaseSchemaEditor, old: str, new: str) -> None:
    """Give the model's content type another app label; permissions and admin history keep to it.

    A new database has none yet: Django creates it after the migrations.
    """
    manager = apps.get_model("contenttypes", "ContentType").objects.using(editor.connection.alias)
    if not manager.filter(app_label=new, model="clickcount").exists():
        manager.filter(app_label=old, model="clickcount").update(app_label=new)


def take_content_type(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    _move_content_type(apps, editor, "shop", "clicklog")


def give_content_type_back(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    _move_content_type(apps, editor, "clicklog", "shop")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("catalog", "0002_attribute_values"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("shop", "0002_click_log_moves"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ClickCount",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True,
                                primary_key=True,
                                serialize=False,
                                verbose_name="ID",
                            ),
                        ),
                        (
                            "query",
                            models.CharField(
                                help_text="normalised: lower case, single spaces",
                                max_length=200,
                                verbose_name="query",
                            ),
                        ),
                        ("day", models.DateField(db_index=True, verbose_name="day")),
                        ("count", models.PositiveBigIntegerField(default=0, verbose_name="clicks")),
                        (
                            "product",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="clicks",
                                to="catalog.product",
                                verbose_name="product",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "shop_clickcount",
                        "verbose_name": "click count",
                        "verbose_name_plural": "click log",
                        "ordering": ["-day", "-count", "-id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("query", "product", "day"), name="clicks_once_per_day"
                            )
                        ],
                    },
                ),
            ]
        ),
        migrations.RunPython(take_content_type, give_content_type_back),
    ]

"""Change labels only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0009_sku_nfc"),
    ]

    operations = [
        migrations.AlterField(
            model_name="asset",
            name="error",
            field=models.CharField(
                blank=True,
                help_text="why it could not be encoded",
                max_length=500,
                verbose_name="error",
            ),
        ),
        migrations.AlterField(
            model_name="indexjob",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "queued"),
                    ("claimed", "being encoded"),
                    ("done", "done"),
                    ("failed", "failed"),
                ],
                default="queued",
                max_length=8,
                verbose_name="state",
            ),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="failed_count",
            field=models.PositiveBigIntegerField(default=0, verbose_name="failed contents"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="golden_source",
            field=models.CharField(
                blank=True,
                choices=[
                    ("file", "a golden set"),
                    ("clicks", "queries and the products that shoppers opened for them"),
                    ("catalogue", "titles, which should find their product's pictures"),
                ],
                max_length=10,
                verbose_name="source of the queries",
            ),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="overlap",
            field=models.FloatField(
                blank=True, null=True, verbose_name="common share of the ten best"
            ),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="previous_base",
            field=models.CharField(
                max_length=64, verbose_name="space of the previous preset's own heads"
            ),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="previous_preset",
            field=models.CharField(max_length=80, verbose_name="previous preset"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="previous_space",
            field=models.CharField(max_length=64, verbose_name="previous space"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="query_count",
            field=models.PositiveIntegerField(default=0, verbose_name="queries"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="skipped_count",
            field=models.PositiveIntegerField(default=0, verbose_name="skipped queries"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="stage",
            field=models.CharField(
                blank=True,
                choices=[
                    ("encoding", "contents encoded"),
                    ("building", "indexes built"),
                    ("judging", "queries compared"),
                    ("returning", "contents encoded for the rollback"),
                ],
                max_length=10,
                verbose_name="stage",
            ),
        ),
        migrations.AlterField(
            model_name="tuning",
            name="rollback_requested",
            field=models.BooleanField(default=False, verbose_name="rollback requested"),
        ),
        migrations.AlterField(
            model_name="tuning",
            name="stage",
            field=models.CharField(
                blank=True,
                choices=[
                    ("features", "features computed"),
                    ("words", "texts read"),
                    ("training", "training epochs"),
                    ("projecting", "contents projected"),
                    ("building", "indexes built"),
                ],
                max_length=10,
                verbose_name="stage",
            ),
        ),
    ]

"""Give every leased model the same lease fields."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0007_plain_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="clippreview",
            name="claim",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="modelchange",
            name="claim",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="tuning",
            name="claim",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="clippreview",
            name="claimed_by",
            field=models.CharField(blank=True, max_length=120, verbose_name="claimed by"),
        ),
        migrations.AlterField(
            model_name="clippreview",
            name="lease_expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lease expires"),
        ),
        migrations.AlterField(
            model_name="indexjob",
            name="claim",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="indexjob",
            name="lease_expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lease expires"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="claimed_by",
            field=models.CharField(blank=True, max_length=120, verbose_name="claimed by"),
        ),
        migrations.AlterField(
            model_name="modelchange",
            name="lease_expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lease expires"),
        ),
        migrations.AlterField(
            model_name="tuning",
            name="claimed_by",
            field=models.CharField(blank=True, max_length=120, verbose_name="claimed by"),
        ),
        migrations.AlterField(
            model_name="tuning",
            name="lease_expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lease expires"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="claim",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="upload",
            name="claimed_by",
            field=models.CharField(blank=True, max_length=120, verbose_name="claimed by"),
        ),
        migrations.AlterField(
            model_name="upload",
            name="lease_expires_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lease expires"),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    """The defaults stand in the database too, so that a server of the version before can go on making campaigns."""

    dependencies = [
        ('campaigns', '0006_archive_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='expires_after_hours',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Skip who was not sent to this long after it was their time; empty: nobody.', null=True),
        ),
        migrations.AddField(
            model_name='campaign',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='Skip who was not sent to by then; empty: nobody.', null=True),
        ),
        migrations.AddField(
            model_name='campaign',
            name='local_time',
            field=models.BooleanField(db_default=False, default=False, help_text='Goes to each person when it is the scheduled time of day where they live.'),
        ),
    ]

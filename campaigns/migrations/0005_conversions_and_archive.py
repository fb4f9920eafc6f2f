from django.db import migrations, models


class Migration(migrations.Migration):
    """The defaults stand in the database too, so that a server of the version before can go on making campaigns."""

    dependencies = [
        ('campaigns', '0004_names_on_one_line'),
    ]

    operations = [
        migrations.AddField(
            model_name='campaign',
            name='is_public',
            field=models.BooleanField(db_default=False, default=False, help_text='Once it is sent, anybody may read it in the archive, without anything personal.', verbose_name='in the archive'),
        ),
        migrations.AddField(
            model_name='campaign',
            name='tracks_conversions',
            field=models.BooleanField(db_default=False, default=False, help_text='Tracked links tell the page they lead to who came, so that a conversion can be reported.'),
        ),
    ]

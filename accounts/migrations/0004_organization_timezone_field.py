from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_names_on_one_line'),
    ]

    operations = [
        migrations.AddField(
            model_name='organization',
            name='timezone_field',
            field=models.CharField(blank=True, db_default='timezone', default='timezone', help_text="The custom field that holds people's time zones, such as Europe/Berlin.", max_length=64),
        ),
    ]

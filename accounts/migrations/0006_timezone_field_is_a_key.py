import accounts.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_command_sessions'),
    ]

    operations = [
        migrations.AlterField(
            model_name='organization',
            name='timezone_field',
            field=models.CharField(blank=True, db_default='timezone', default='timezone', help_text="The custom field that holds people's time zones, such as Europe/Berlin.", max_length=64, validators=[accounts.models.validate_key]),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class DropNotNull(migrations.AlterField):
    """Django would make the foreign key anew, and PostgreSQL look through the whole table to check it."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute('ALTER TABLE delivery_recipient ALTER COLUMN subscriber_id DROP NOT NULL')

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        schema_editor.execute('ALTER TABLE delivery_recipient ALTER COLUMN subscriber_id SET NOT NULL')


class Migration(migrations.Migration):

    dependencies = [
        ('audience', '0004_confirmation_due_index'),
        ('delivery', '0001_initial'),
    ]

    operations = [
        DropNotNull(
            model_name='recipient',
            name='subscriber',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='received', to='audience.subscriber'),
        ),
    ]

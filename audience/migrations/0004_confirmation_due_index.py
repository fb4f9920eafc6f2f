from django.db import migrations, models


class AddIndexBesideWriters(migrations.AddIndex):
    """Without a lock on PostgreSQL; there, outside of a transaction."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, concurrently=True)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, concurrently=True)


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('audience', '0003_erasure_and_confirmation_due'),
    ]

    operations = [
        AddIndexBesideWriters(
            model_name='subscription',
            index=models.Index(condition=models.Q(('confirmation_due_at__isnull', False)), fields=['confirmation_due_at'], name='audience_confirmation_due'),
        ),
    ]

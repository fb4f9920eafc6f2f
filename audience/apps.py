from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from audience import append_only


class AudienceConfig(AppConfig):
    name = "audience"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(teach_sqlite_to_lower, dispatch_uid="audience.teach_sqlite_to_lower")
        post_migrate.connect(append_only.guard, sender=self, dispatch_uid="audience.append_only")


def teach_sqlite_to_lower(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Rules compare texts without regard to case, and SQLite's own LOWER knows ASCII only."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("broadsheet_lower", 1, _lower, deterministic=True)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()

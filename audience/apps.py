from django.apps import AppConfig
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate

from audience import append_only


class AudienceConfig(AppConfig):
    name = "audience"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        connection_created.connect(teach_sqlite, dispatch_uid="audience.teach_sqlite")
        pre_migrate.connect(append_only.let_go, sender=self, dispatch_uid="audience.append_only")
        post_migrate.connect(append_only.guard, sender=self, dispatch_uid="audience.append_only")


def teach_sqlite(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """What rules ask of a database that SQLite cannot do by itself; its own LOWER knows ASCII only."""
    if connection.vendor == "sqlite":
        from audience.addresses import domain_above
        from audience.criteria import expressions

        create = connection.connection.create_function
        create("broadsheet_lower", 1, expressions.lower, deterministic=True)
        create("broadsheet_domain_above", 1, domain_above, deterministic=True)
        create("broadsheet_number", 1, expressions.number_in, deterministic=True)
        create("broadsheet_in_network", 2, expressions.is_in_network, deterministic=True)

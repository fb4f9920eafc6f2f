"""Other processes on a test's own database and spool."""

import os

import pytest
from django.db import connection


@pytest.fixture
def environment(settings, own_spool):
    """For other processes: this test's database, spool and keys."""
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        who = f"{database['USER']}:{database['PASSWORD']}@" if database["PASSWORD"] else f"{database['USER']}@"
        url = f"postgres://{who}{database['HOST']}:{database['PORT'] or 5432}/{database['NAME']}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "VAR_DIR": str(own_spool.parent),
        "TRACKING_KEYS": ",".join(settings.TRACKING_KEYS),
        "INGEST_CHUNK": "10",
        "LOG_LEVEL": "WARNING",
    }

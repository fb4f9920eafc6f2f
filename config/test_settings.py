"""Settings of the test suite: nothing is kept, passwords are cheap, tasks run where they are queued."""

import atexit
import functools
import os
import shutil
import tempfile
import zoneinfo
from pathlib import Path

if "VAR_DIR" not in os.environ:
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="broadsheet-test-")
    # Processes started by a test inherit the folder, and leave it: only who made it removes it.
    atexit.register(shutil.rmtree, os.environ["VAR_DIR"], ignore_errors=True)

# The zones of this machine stay what they are while tests run; listing its files takes longer than most tests.
zoneinfo.available_timezones = functools.cache(zoneinfo.available_timezones)

from config.settings import *  # noqa: E402, F403

VAR_DIR = Path(os.environ["VAR_DIR"])
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # nobody has collected static files for the tests
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
LOGGING = {"version": 1, "disable_existing_loggers": False}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, so that a worker, the inbox and the test each have a connection of their own, as they have in life.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}  # noqa: F405
    # Which need not outlive a power cut, and whose open transactions fit into memory. Thousands of tests ask in the
    # same words: each statement is prepared once.
    DATABASES["default"]["OPTIONS"]["init_command"] += (  # noqa: F405
        " PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-32000; PRAGMA cache_spill=OFF;"
    )
    DATABASES["default"]["OPTIONS"]["cached_statements"] = 2000  # noqa: F405

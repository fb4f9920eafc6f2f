"""The database of a test process: a copy of one that was migrated once.

Migrating takes seconds, copying takes milliseconds. The migrated database stays between runs under a name made of all
that goes into it (`fingerprint`), so that whoever changes a migration gets another one; `--create-db` makes it anew.
On SQLite it is a file in pytest's cache, on PostgreSQL a database beside the tests' own.
"""

import ast
import contextlib
import fcntl
import hashlib
import shutil
import sqlite3
import sys
import weakref
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.db.models.signals import post_migrate

KEPT = 4  # who goes back and forth between branches finds both


def template_for(connection, folder):
    """The migrated database for this connection; `folder` stays between runs."""
    return {"sqlite": SqliteTemplate, "postgresql": PostgresTemplate}[connection.vendor](connection, Path(folder))


class Template:
    def __init__(self, connection, folder):
        self.connection, self.folder = connection, folder
        self.fingerprint = fingerprint(connection.vendor)

    def copy(self, name, *, anew=False):
        """Make `name` the tests' database, in the place of one of that name that is there."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process migrates, the others wait for it
            if anew or not self.is_there():
                self.make()
            self.copy_to(name)
        self.use(name)

    def migrate(self, name):
        self.connection.settings_dict["TEST"]["NAME"] = name
        self.connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        self.connection.close()

    def use(self, name):
        settings.DATABASES[self.connection.alias]["NAME"] = self.connection.settings_dict["NAME"] = name


class SqliteTemplate(Template):
    @property
    def file(self):
        return self.folder / f"{self.fingerprint}.sqlite3"

    def is_there(self):
        return self.file.exists()

    def make(self):
        unfinished = self.folder / "unfinished.sqlite3"
        self.migrate(str(unfinished))
        unfinished.replace(self.file)
        for old in sorted(self.folder.glob("*.sqlite3"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
            old.unlink()

    def copy_to(self, name):
        for rest in ("-wal", "-shm"):
            Path(name + rest).unlink(missing_ok=True)
        shutil.copyfile(self.file, name)
        with contextlib.closing(sqlite3.connect(self.file)) as migrated:
            self.content = sqlite3.connect(":memory:", check_same_thread=False)
            migrated.backup(self.content)

    def restore(self):
        """Put everything back as it was migrated: cheaper than emptying every table and calling `post_migrate`."""
        self.connection.ensure_connection()
        self.content.backup(self.connection.connection)


class PostgresTemplate(Template):
    def __init__(self, connection, folder):
        super().__init__(connection, folder)
        self.prefix = f"test_{connection.settings_dict['NAME']}"[:40] + "_of_"
        self.name = self.prefix + self.fingerprint

    def is_there(self):
        return self.name in self._all()

    def make(self):
        unfinished = self.prefix + "unfinished"
        self.migrate(unfinished)
        self._execute(
            f'DROP DATABASE IF EXISTS "{self.name}"', f'ALTER DATABASE "{unfinished}" RENAME TO "{self.name}"'
        )
        self._execute(*(f'DROP DATABASE "{old}"' for old in self._all()[:-KEPT]))

    def copy_to(self, name):
        self._execute(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"')

    def _all(self):
        """Oldest first."""
        with self.connection._nodb_cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY oid", [self.prefix])
            return [name for (name,) in cursor.fetchall()]

    def _execute(self, *statements):
        with self.connection._nodb_cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def fingerprint(vendor):
    """Of all that a migrated database is made of: migrations, what they import, and what `post_migrate` writes."""
    made_of = [django.VERSION, vendor, settings.INSTALLED_APPS]
    made_of += [
        (m._meta.label, m._meta.verbose_name_raw, m._meta.default_permissions, m._meta.permissions) for m in _models()
    ]
    digest = hashlib.sha256(repr(made_of).encode())
    for file in sorted(_with_imports([*_migrations(), *_receivers()])):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _models():
    return sorted(apps.get_models(include_auto_created=True), key=lambda model: model._meta.label)


def _migrations():
    return [file for app in apps.get_app_configs() for file in Path(app.path, "migrations").glob("*.py")]


def _receivers():
    """The modules of the functions that are called after migrations."""
    for _, function, *_ in post_migrate.receivers:
        function = function() if isinstance(function, weakref.ReferenceType) else function
        yield Path(sys.modules[function.__module__].__file__)


def _with_imports(files):
    """These files and what they import of this project, however deep."""
    found, left = set(files), list(files)
    while left:
        file = left.pop()
        if not file.is_relative_to(settings.BASE_DIR) or "site-packages" in file.parts:
            continue
        new = {module for name in _imported(file) for module in _modules(name)} - found
        found |= new
        left += new
    return found


def _imported(file):
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(name):
    path = settings.BASE_DIR.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]

"""What must be in place before the servers start: the schema, the static files, the first user."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from controlplane.management.commands.bootstrap import Credentials, bootstrap


def prepare(say: Callable[[str], None]) -> Credentials:
    """Each step looks first whether there is anything to do: a later start must be quick."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CommandError(f"The database does not answer (DATABASE_URL): {str(error).strip()}") from error
    migrate(say)
    collect_static(say)
    credentials = bootstrap()
    connections.close_all()
    return credentials


def migrate(say: Callable[[str], None]) -> None:
    executor = MigrationExecutor(connection)
    if steps := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say(f"Migrating the database, {len(steps)} steps.")
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


def collect_static(say: Callable[[str], None]) -> None:
    """Skipped while every source file has the size and time that it had at the last collection."""
    root = Path(settings.STATIC_ROOT)
    stamp = root / ".collected"
    present = fingerprint()
    if stamp.exists() and stamp.read_text() == present:
        return
    say("Collecting static files.")
    call_command("collectstatic", verbosity=0, interactive=False, skip_checks=True)
    stamp.write_text(present)


def fingerprint() -> str:
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            found = Path(storage.path(name)).stat()
            digest.update(f"{name} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()

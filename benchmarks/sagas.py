"""Durable executions of four steps: how many a second on one core, beside DBOS on the same PostgreSQL; and claims.

The worker has a core to itself and the database the other; steps do nothing, so that what is measured is the keeping.
PostgreSQL and SQLite write through to the disk. DBOS has an environment of its own, made on the first run.
"""

import contextlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .bed import UNDER_TEST, Bed, cores
from .figures import Aim, Entry
from .intake import postgresql

HERE = Path(__file__).parent
ENVIRONMENT = HERE / ".dbos"
PINNED = ("dbos==3.4.0", "psycopg[binary]==3.3.9")
COUNT, THEIRS = 3_000, 300
LONGEST_S = 300


def sagas(bed: Bed) -> list[Entry]:
    entries = []
    with postgresql() as url:
        mine = _carried(bed, _database(url, "bench_sagas"))
        theirs = _measured(
            [str(_environment()), str(HERE / "dbos_sagas.py"), _database(url, "bench_dbos"), str(THEIRS)]
        )
        peer = theirs["per_second"]
        ratio = mine["per_second"] / peer
        note = f"{mine['commits']} commits for {COUNT} sagas"
        entries.append(
            Entry(
                "four-step saga, PostgreSQL",
                mine["per_second"],
                "sagas/s on a core",
                f"DBOS, {peer:,.0f}",
                ratio,
                Aim(at_least=5),
                note=note,
            )
        )
        entries.append(_claims("PostgreSQL", mine))
    kept = _carried(bed, "")
    entries.append(Entry("four-step saga, SQLite", kept["per_second"], "sagas/s on a core"))
    entries.append(_claims("SQLite", kept))
    return entries


def _claims(database: str, found: dict[str, Any]) -> Entry:
    name = f"claim of 50 with 100,000 waiting, {database}"
    few, many = found["few_ms"], found["many_ms"]
    return Entry(name, many, "ms", f"with 1,000 waiting, {few:.1f} ms", many / few, Aim(below=2))


def _carried(bed: Bed, url: str) -> dict[str, Any]:
    """A configuration and a database of its own, so that nobody else's is in the way."""
    folder = bed.folder / ("sagas-postgresql" if url else "sagas-sqlite")
    folder.mkdir()
    from django.conf import settings

    environment = {
        "REDIS_URL": settings.VALKEY_URL,
        "DATA_DIR": str(folder),
        "KEY_PREFIX": folder.name.replace("-", ""),
    }
    command = [sys.executable, "-m", "benchmarks.carried", str(COUNT)]
    return _measured(command, **environment, DATABASE_URL=url)


def _measured(command: list[str], **environment: str) -> dict[str, Any]:
    with cores(UNDER_TEST):
        ended = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, timeout=LONGEST_S, cwd=HERE.parent
        )
    if ended.returncode:
        raise RuntimeError(f"{command[1:3]} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return found


def _database(url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection, contextlib.suppress(psycopg.errors.DuplicateDatabase):
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _environment() -> Path:
    """The interpreter of DBOS's environment, made if it is not there or not whole."""
    python, whole = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "whole"
    if not whole.exists() or whole.read_text() != "\n".join(PINNED):
        print("       making an environment for DBOS", file=sys.stderr, flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINNED], check=True, capture_output=True)
        whole.write_text("\n".join(PINNED))
    return python

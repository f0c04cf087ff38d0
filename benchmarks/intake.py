"""Accepting intents against inserting their rows one by one, on the same database; and claiming from a long backlog.

bare insert    the row that intake writes, one a commit, on one connection: what the disk and the server allow
intake         POST through the front door to 202, 32 clients on keep-alive; the schema is checked, the row committed
claim          32 of 100,000 waiting intents become executions, beside 32 of 1,000

On SQLite as the product sets it (WAL, synchronous=FULL), and on a PostgreSQL that forces its log to disk. What touches
a database runs in a process of its own with that database's settings: `python -m benchmarks.intake bare`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.servers.postgresql import PostgreSQL

from .bed import ELSEWHERE, UNDER_TEST, Bed, cores
from .figures import Aim, Entry
from .load import Aimed, drive

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, SECONDS = 5, 1.5
BATCH, FEW, MANY = 32, 1_000, 100_000
BODY = json.dumps(
    {"customer": {"id": "c-4711", "email": "ann@example.com"}, "plan": "premium", "amount": 9.95, "coupon": None}
)
SCHEMA = {
    "type": "object",
    "required": ["customer", "plan"],
    "properties": {"plan": {"enum": ["basic", "premium"]}, "customer": {"type": "object", "required": ["id"]}},
}


def intake(bed: Bed) -> list[Entry]:
    with postgresql() as url:
        return [*_measured(bed, "SQLite", {}), *_measured(bed, "PostgreSQL", {"DATABASE_URL": url})]


def _measured(bed: Bed, database: str, variables: dict[str, str]) -> list[Entry]:
    """A database and configuration of their own, so that the intents are in nobody's way."""
    environment = prepared(bed, f"intake-{database.lower()}", variables)
    door = bed.server(**environment)
    aimed = Aimed("intake", door.port, "/subscriptions", door.pids, 202, body=BODY)
    bare, ours, each = [], [], []
    _drive(aimed, 1.0)
    for _ in range(ROUNDS):
        bare.append(apart("bare", environment)["per_s"])
        done = _drive(aimed, SECONDS)
        ours.append(done.requests / done.seconds)
        each.append(done.cpu_s / done.requests)
    bed.stop(door)
    claims = apart("claims", environment)
    per_s, peer = median(ours), median(bare)
    note = f"{min(each) * 1e6:.0f} µs of CPU for each in the front door; bare inserts {peer:,.0f}/s"
    versus = "bare inserts, one a commit"
    return [
        Entry(f"intake, {database}", per_s, "intents/s", versus, per_s / peer, Aim(at_least=0.7), note),
        Entry(
            f"claim of {BATCH}, {MANY:,} waiting, {database}",
            claims["many_ms"],
            "ms",
            f"{FEW:,} waiting",
            claims["many_ms"] / claims["few_ms"],
            Aim(below=1.5),
        ),
    ]


def _drive(aimed: Aimed, seconds: float) -> Any:
    import asyncio

    return asyncio.run(drive(aimed, seconds=seconds))


def prepared(bed: Bed, name: str, variables: dict[str, str], payment: int = 9) -> dict[str, str]:
    """The environment of a configuration and a database by themselves, whose pipe charges at this port."""
    from django.conf import settings

    folder = bed.folder / name
    folder.mkdir()
    environment = {
        "REDIS_URL": settings.VALKEY_URL,
        "DATA_DIR": str(folder),
        "KEY_PREFIX": name.replace("-", ""),
        "BENCH_BACKEND": f"127.0.0.1:{payment}",
        **variables,
    }
    apart("configure", environment)
    return environment


def apart(what: str, environment: dict[str, str]) -> dict[str, Any]:
    """What one of the functions at the end gives, called in a process with this environment."""
    with cores(UNDER_TEST):
        argv = [sys.executable, "-m", "benchmarks.intake", what]
        done = subprocess.run(argv, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{what}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def postgresql() -> Iterator[str]:
    """One that forces its log to disk, off the core of what is measured."""
    with cores(ELSEWHERE), tempfile.TemporaryDirectory(prefix="switchgear-bench-postgresql-") as folder:
        server = PostgreSQL(Path(folder), durable=True)
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


# In a process with the database's settings ----------------------------------------------------------------------------


def configure() -> dict[str, float]:
    from django.core.management import call_command

    from breakers.operations import journeys, targets
    from compositions.operations import compositions, pipes, routes
    from controlplane.kernel.access import Principal

    call_command("migrate", verbosity=0)
    by = Principal.system("benchmarks")
    http = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True}
    pay = {**http, "Parameters": {"ApiEndpoint": "target://payment/charge", "Method": "POST"}}
    targets.put("payment", {"base_url": f"http://{os.environ['BENCH_BACKEND']}"}, by=by)
    raised = {"title": "Onboarding", "targets": ["payment"], "raise_at_backlog": BATCH}
    journeys.put("onboarding", raised, by=by)
    compositions.put("onboard", {"type": "STANDARD", "definition": {"StartAt": "Pay", "States": {"Pay": pay}}}, by=by)
    drain = {"start_per_s": 500, "ramp_s": 1, "max_per_s": 500}
    kept = {"schema": SCHEMA, "max_backlog": 100_000_000, "drain": drain}
    pipes.put("onboarding", {"target": "onboard", **kept}, by=by)
    integration = {"type": "pipe", "pipe": "onboarding"}
    routes.put("subscribe", {"methods": ["POST"], "path": "/subscriptions", "integration": integration}, by=by)
    return {}


def bare() -> dict[str, float]:
    from compositions.intake import rows
    from controlplane.kernel import clock

    offer = _offers("bare")
    rows.insert(offer(1), clock.now())
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        rows.insert(offer(1), clock.now())
        count += 1
    return {"per_s": count / (time.perf_counter() - began)}


def claims() -> dict[str, float]:
    from compositions.dispatching.claims import Plan, start_waiting

    for pipe, count in (("few", FEW), ("many", MANY)):
        _fill(pipe, count)

    def timed(pipe: str) -> float:
        began = time.perf_counter()
        start_waiting(Plan(pipe, "onboard"), BATCH, ordered=False)
        return (time.perf_counter() - began) * 1000

    timed("few")
    times = [(timed("few"), timed("many")) for _ in range(15)]
    return {"few_ms": median(few for few, _ in times), "many_ms": median(many for _, many in times)}


def waiting() -> dict[str, str]:
    """Many wait in the pipe; the cookie of somebody who may look at it."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    call_command("collectstatic", interactive=False, verbosity=0)
    _fill("onboarding", MANY)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("bench", password=None))
    return {"cookie": f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"}


def left() -> dict[str, int]:
    from compositions.models import Intent

    return {"left": Intent.objects.filter(pipe="onboarding", status="ACCEPTED").count()}


def _fill(pipe: str, count: int) -> None:
    from django.db import connection

    from compositions.intake import rows
    from controlplane.kernel import clock

    offer = _offers(pipe)
    for _ in range(count // 500):
        rows.insert(offer(500), clock.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _offers(pipe: str) -> Callable[[int], list[Any]]:
    from compositions.intake.rows import Offer

    return lambda count: [Offer(pipe=pipe, body=BODY) for _ in range(count)]


if __name__ == "__main__":
    import django

    django.setup()
    named = {work.__name__: work for work in (configure, bare, claims, waiting, left)}
    print(json.dumps(named[sys.argv[1]]()))

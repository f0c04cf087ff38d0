"""Everything breaks at once and is mended: each accepted intent ends once, and all money is where it should be.

    CHAOS_SEEDS=1-20 CHAOS_INTENTS=500 CHAOS_SECONDS=60 pytest tests/flows/test_chaos.py     (make chaos)

A run that fails prints its seed, what was done, and what is wrong. The seed draws customers, failures and their times;
which call each of them meets is up to the machine.
"""

from __future__ import annotations

import http.client
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from controlplane.kernel import clock
from tests.servers.postgresql import PostgreSQL
from tests.servers.processes import wait_until
from tests.servers.stack import Stack

from .chaos import SERVICES, Act, Hands, schedule

pytestmark = pytest.mark.slow

INTENTS = int(os.environ.get("CHAOS_INTENTS", "500"))
SECONDS = float(os.environ.get("CHAOS_SECONDS", "16"))
SETTLED_WITHIN_S = 120 + INTENTS / 4
CLIENTS = 12
ENDS = {"SUCCEEDED", "PARTIAL", "FAILED", "DEAD"}
# What a client that wants its answer does not give up at.
AGAIN = {409, 429, 500, 502, 503, 504}
BROKEN_OFF = (OSError, http.client.HTTPException)
PIPE = "premium-onboarding"
# The range's contracts are for a few readers: what is tried here is not how long ten a second take.
CROWD = 4
QUICK = {"wait_duration_in_open_state_s": 2}
# Of a circuit that opens soon a customer notices little: this one lets steps fail, so that money has to go back.
PATIENT = {"content": {"policies": [{"type": "consecutive_failures", "threshold": 40}]}}


def seeds(stated: str) -> list[int]:
    """`3`, `1,5` or `1-20`."""
    spans = [part.partition("-") for part in stated.split(",")]
    return [seed for first, _, last in spans for seed in range(int(first), int(last or first) + 1)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL | None]:
    """On PostgreSQL a server that may be killed: the one of the run is everybody's."""
    if not os.environ.get("DATABASE_URL", "").startswith("postgres"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="switchgear-postgresql-") as folder:  # pytest's are closed to its user
        own = PostgreSQL(Path(folder), durable=True)
        own.start()
        yield own
        own.stop()


@pytest.fixture(scope="module")
def chaos_stack(tmp_path_factory: pytest.TempPathFactory, server: PostgreSQL | None) -> Iterator[Stack]:
    """A practice range whose circuits and pipe are quick to recover."""
    env = {"RANGE_TRAFFIC": "0", **({"DATABASE_URL": server.url} if server else {})}
    running = Stack(tmp_path_factory.mktemp("chaos"), demo=True, workers=2, env=env)
    try:
        running.start()
        wait_until(lambda: running.pids("downstreams") and answers(running), 30, "the practice range answers")
        for slug in SERVICES:
            target = running.api("GET", f"targets/{slug}").json()
            change = {
                "breaker": target["breaker"] | QUICK | PATIENT.get(slug, {}),
                "contracts": [contract | {"limit": contract["limit"] * CROWD} for contract in target["contracts"]],
                "probe": {"path": "/health", "interval_s": 1, "count": 2},
            }
            assert running.api("PATCH", f"targets/{slug}", change).status == 200
        drain = {"start_per_s": 10 * CROWD, "ramp_s": 5, "max_per_s": None}
        assert running.api("PATCH", f"pipes/{PIPE}", {"drain": drain}).status == 200
        yield running
    finally:
        running.end()


def answers(stack: Stack) -> bool:
    try:
        return stack.ask(stack.range, "GET", "/charges", None, {}).status == 200
    except OSError:
        return False


class Customers:
    """Subscribe until they have a 202, send their key again, and watch what becomes of it."""

    def __init__(self, stack: Stack, seed: int, acts: list[Act], drawn: random.Random) -> None:
        self.stack = stack
        run = f"{seed}-{time.time_ns() // 1_000_000}"
        kinds = drawn.choices(["reader", "declined", "fraud"], weights=[88, 7, 5], k=INTENTS)
        self.names = [f"{kind}-{run}-{number}@example.org" for number, kind in enumerate(kinds)]
        # Many arrive in the very moment in which their front door dies, or the database goes away.
        moments = [act.at_s for act in acts if act.what in ("kill_front_door", "restart_database")]
        crowds = [drawn.choice(moments) + drawn.uniform(-0.05, 0.1) for _ in self.names[::3]]
        self.arrivals = sorted(crowds + [drawn.uniform(0, SECONDS) for _ in self.names[len(crowds) :]])
        self.insisting = {name for name in self.names if drawn.random() < 0.2}
        self.intents: dict[str, str] = {}
        self.met: Counter[str] = Counter()
        self.wrong: list[str] = []

    def subscribe(self, name: str) -> None:
        """Until it is accepted. Whoever insists sends the same once more and must be told of the same intent."""
        for _ in range(2 if name in self.insisting else 1):
            intent = self.accepted(name)
            if self.intents.setdefault(name, intent) != intent:
                self.wrong.append(f"{name} was told of {self.intents[name]} and then of {intent}")

    def accepted(self, name: str) -> str:
        until = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < until:
            try:
                answer = self.stack.call("POST", "/onboarding", {"customer": name}, {"Idempotency-Key": name})
            except BROKEN_OFF:
                self.met["broken off"] += 1
                time.sleep(0.05)
                continue
            self.met[str(answer.status)] += 1
            if answer.status == 202:
                return str(answer.json()["id"])
            assert answer.status in AGAIN, (answer.status, answer.body)
            time.sleep(0.2)
        raise AssertionError(f"{name} was never accepted: {self.met}")

    def arrive(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            waiting = []
            for name, at_s in zip(self.names, self.arrivals, strict=True):
                time.sleep(max(0.0, began + at_s - time.monotonic()))
                waiting.append(pool.submit(self.subscribe, name))
            for one in waiting:
                one.result()


class Inbox:
    """Somebody who does what the inbox asks for, as soon as it does."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.answers = stack, Counter[int]()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Inbox:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        done = {"output": {"newsletter": True, "loyalty": True}}
        while not self._over.wait(0.5):
            try:
                asked = self.stack.api("GET", "tasks?manual=true")
                for task in asked.json() if asked.status == 200 else []:
                    self.answers[self.stack.api("POST", f"tasks/{task['token']}/succeed", done).status] += 1
            except BROKEN_OFF:
                continue


def settled(stack: Stack, intents: set[str]) -> dict[str, str]:
    """The end of every intent. One that has ended stays as it is."""
    ends: dict[str, str] = {}
    until = time.monotonic() + SETTLED_WITHIN_S
    while left := intents - ends.keys():
        if time.monotonic() > until:
            break
        for intent in left:
            try:
                told = stack.call("GET", f"/-/intents/{intent}")
            except BROKEN_OFF:
                break
            if told.status == 200 and told.json()["status"] in ENDS:
                ends[intent] = told.json()["status"]
        time.sleep(0.2)
    return ends


def executions(stack: Stack, since: str) -> list[dict[str, Any]]:
    """Every execution of the pipe that has started since then."""
    found: list[dict[str, Any]] = []
    page = f"executions?pipe={PIPE}&started_after={since}&limit=1000"
    while rows := stack.api("GET", page + (f"&before={found[-1]['id']}" if found else "")).json():
        found += rows
    return found


def by_customer(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for entry in entries:
        found[entry["customer"]].append(entry)
    return found


OUTCOMES = {
    ("SUCCEEDED", None): "full",
    ("PARTIAL", None): "partial",
    ("FAILED", "Subscription.Refunded"): "refunded",
    ("FAILED", "Subscription.Failed"): "failed",
}


def what_is_wrong(stack: Stack, customers: Customers, ends: dict[str, str], since: str) -> list[str]:
    """Ends, money, content and messages of everybody, held against each other."""
    wrong = list(customers.wrong)
    runs = defaultdict(list)
    for row in executions(stack, since):
        runs[row["intent"]].append(row)
    if strangers := runs.keys() - set(customers.intents.values()):
        wrong.append(f"intents that no customer was told of: {strangers}")
    ledger = stack.ask(stack.range, "GET", "/charges", None, {}).json()
    if ledger["refunds_astray"] or ledger["charged_twice"]:
        wrong.append(f"refunds astray: {ledger['refunds_astray']}; charged twice: {ledger['charged_twice']}")
    registers = stack.ask(stack.range, "GET", "/customers", None, {}).json()
    charges, entitled, told = map(
        by_customer, (ledger["charges"], registers["entitlements"], registers["notifications"])
    )
    for name, intent in customers.intents.items():
        mine = runs[intent]
        if len(mine) != 1 or (mine[0]["status"] != ends.get(intent)):
            rows = [(row["id"], row["status"], row["error"], row["parked"], row["put_off"]) for row in mine]
            wrong.append(f"{name}: intent {intent} ended as {ends.get(intent)}, its executions: {rows}")
            continue
        outcome = OUTCOMES.get((mine[0]["status"], mine[0]["error"] or None))
        money = [charge["refunded"] for charge in charges[name]]
        expected = {"full": [False], "partial": [False], "refunded": [True], "failed": []}.get(outcome or "")
        messages = [message["outcome"] for message in told[name]]
        if expected is None or money != expected or messages != [outcome]:
            end = (mine[0]["status"], mine[0]["error"], mine[0]["cause"])
            wrong.append(f"{name}: {mine[0]['id']} {end}: refunded? {money}, told {messages}")
        # Content that was unblocked too late to be heard of may be entered for somebody who got the money back.
        rights = [entry["charge"] for entry in entitled[name]]
        paid = [charge["id"] for charge in charges[name]]
        if rights != paid and not (outcome == "refunded" and not rights):
            wrong.append(f"{name}: {outcome}, paid {paid}, content unblocked for {rights}")
    return wrong


@pytest.mark.parametrize("seed", seeds(os.environ.get("CHAOS_SEEDS", "1")))
def test_every_accepted_intent_ends_once_whatever_breaks(
    chaos_stack: Stack, server: PostgreSQL | None, seed: int
) -> None:
    drawn = random.Random(seed)
    acts = schedule(drawn, SECONDS)
    hands, customers = Hands(chaos_stack, server), Customers(chaos_stack, seed, acts, drawn)
    assert chaos_stack.ask(chaos_stack.range, "DELETE", "/charges", None, {}).status == 204
    since = clock.rfc3339(clock.now())
    began = time.monotonic()
    with Inbox(chaos_stack) as inbox:
        with ThreadPoolExecutor(2) as pool:
            arriving, hurting = pool.submit(customers.arrive), pool.submit(hands.follow, acts)
            hurting.result()
            hands.mend()
            mended = time.monotonic()
            arriving.result()
        ends = settled(chaos_stack, set(customers.intents.values()))
    took = f"settled {time.monotonic() - mended:.0f} s after all was mended, {time.monotonic() - began:.0f} s in all"
    wrong = what_is_wrong(chaos_stack, customers, ends, since)
    met, answered = dict(customers.met), dict(inbox.answers)
    came_to = Counter(f"{row['status']} {row['error'] or ''}".strip() for row in executions(chaos_stack, since))
    sys.stdout.write(f"seed {seed}: {dict(came_to)}; clients met {met}; inbox {answered}; {took}\n")
    run = f"CHAOS_SEEDS={seed} CHAOS_INTENTS={INTENTS} CHAOS_SECONDS={SECONDS:g}"
    assert not wrong, "\n".join([run, *wrong[:20], *hands.done])
    assert len(ends) == INTENTS
    again = settled(chaos_stack, set(ends))
    assert again == ends, "an end is an end"
    few = customers.names[: INTENTS // 5]
    assert {name: customers.accepted(name) for name in few} == {name: customers.intents[name] for name in few}

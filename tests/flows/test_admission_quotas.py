"""Quotas on a running Switchgear: whatever dies, no more than the quota passes, and pages, doors and REST agree on it.

The plans say `closed`, so that a database that a busy machine keeps waiting refuses, and lends nothing.
"""

import asyncio
import os
import signal
import time

import pytest
import redis

from controlplane.supervisor import embedded

from .admission_traffic import Estate, Traffic, eventually, kind, until, wait_for_workers

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("admission")]

# A front door draws ahead at most one in eight of what is left (breakers/core/quotas.py).
SHARE = 8
# Extensions, resets and edits bind within this time; a busy machine may add the second.
BINDS_WITHIN_S, NOISE_S = 2.0, 3.0
# So long nobody gets a unit before a quota counts as used up: units that another worker held idle are back by then.
SETTLED_S = 2.5


class Quota(Estate):
    """A route that needs a key, a plan with a monthly quota, and one consumer of it."""

    def __init__(self, stack, downstream, slug, limit):
        super().__init__(stack, downstream, slug)
        self.path = f"/{slug}"
        self.route(slug, self.path, "POST", api_key_required=True)
        self.edit(limit)
        self.one = self.key(slug, slug)
        self.ready()

    def edit(self, limit, **more):
        quota = {"limit": limit, "period": "MONTH", "time_zone": "Europe/Vienna"}
        self.plan(self.slug, quota=quota, on_store_error="closed", **more)

    def ledger(self):
        """(used, left) as REST tells it."""
        [quota] = self.stack.api("GET", f"keys/{self.one.id}/usage").json()["quotas"]
        return quota["used"], quota["left"]

    def told(self):
        """(used, left) as the consumer is told, by whichever worker it asks."""
        [plan] = self.ask("/-/usage", self.one).json()["plans"]
        return plan["quota"]["used"], plan["quota"]["left"]

    def agree(self, used, left):
        """Wait until REST and the workers say so: what these hold ahead goes back about a second after its use."""
        seen = []

        def everybody():
            seen[:] = [self.ledger(), *(self.told() for _ in range(6))]
            return set(seen) == {(used, left)}

        eventually(everybody, f"({used}, {left}) is what everybody says, not {seen}", within_s=15)

    def call(self):
        return self.ask(self.path, self.one, "POST")

    def spend(self, count):
        """That many pass, with refusals in between where another worker holds what is left, or the ledger is slow."""
        for _ in range(count):
            eventually(lambda: self.call().status == 200, "a unit is left")

    def use_up(self):
        """How many pass until nobody gets one."""
        passed, last = 0, time.monotonic()
        while time.monotonic() - last < SETTLED_S:
            answer = self.call()
            if answer.status == 200:
                passed, last = passed + 1, time.monotonic()
            elif answer.status == 429:
                assert kind(answer) == "quota-exceeded"
        return passed

    def binds(self):
        """The change that was just made lets a request pass in time."""
        eventually(lambda: self.call().status == 200, "it binds", within_s=BINDS_WITHIN_S + NOISE_S)


async def test_valkey_flushed_and_a_worker_killed_at_ninety_percent_let_no_more_than_the_quota_pass(
    two_doors, downstream
):
    """What is lost is what the killed worker held ahead, and what was under way in it; all else can be used."""
    limit, lines = 400, 5
    quota = Quota(two_doors, downstream, "ninety", limit)
    wait_for_workers(two_doors)
    traffic = Traffic(two_doors)

    async def nine_tenths():
        await until(lambda: downstream.count(quota.path) >= 0.9 * limit, "nine tenths are used", within_s=60)

    async def disaster():
        os.kill(two_doors.pids("valkey")[0], signal.SIGKILL)
        os.kill(min(two_doors.workers_of("frontdoor")), signal.SIGKILL)
        assert await asyncio.to_thread(embedded.wait_until_answers, embedded.port(two_doors.data_dir), timeout_s=20)
        with redis.Redis.from_url(embedded.url(two_doors.data_dir)) as client:
            await asyncio.to_thread(client.flushall)
        await until(used_up, "nothing is left, and every line is refused", within_s=60)

    def used_up():
        last = [request for request in traffic.requests if request.status][-40:]
        return {request.status for request in last} == {429} and quota.ledger() == (limit, 0)

    fast = [traffic.stream("POST", quota.path, quota.one, every_s=0.03) for _ in range(lines)]
    await traffic.during(fast, nine_tenths())
    slow = [traffic.stream("POST", quota.path, quota.one, every_s=0.15) for _ in range(lines)]
    await traffic.during(slow, disaster())

    passed = len(traffic.admitted(downstream))
    assert limit - limit // SHARE - 2 * lines <= passed <= limit
    refusals = {kind(request) for request in traffic.requests if request.status == 429}
    assert refusals == {"quota-exceeded"}
    quota.agree(limit, 0)
    wait_for_workers(two_doors)


def test_reset_and_extension_bind_and_editing_the_plan_forgets_nothing(two_doors, downstream):
    quota = Quota(two_doors, downstream, "acts", 20)
    quota.spend(12)
    quota.agree(12, 8)
    quota.edit(20, title="Renamed", rate=500, mode="enforce")
    quota.ready()
    quota.agree(12, 8)
    assert quota.use_up() == 8

    granted = quota.post(f"keys/{quota.one.id}/usage/extend", {"amount": 5, "reason": "agreed with the customer"})
    assert granted["quotas"][0]["left"] == 5
    quota.binds()
    assert quota.use_up() == 4
    quota.edit(23)
    quota.binds()
    assert quota.use_up() == 2
    quota.agree(28, 0)

    quota.post(f"keys/{quota.one.id}/usage/reset", {"reason": "their test ran wild"})
    quota.binds()
    assert quota.use_up() == 22 + 5  # what was granted on top stays for the period
    assert downstream.count("/acts") == 20 + 5 + 3 + 28


def test_a_quota_that_is_used_up_says_until_when(two_doors, downstream):
    quota = Quota(two_doors, downstream, "until", 1)
    assert quota.use_up() == 1
    refusal = quota.call()
    document = refusal.json()
    assert (document["plan"], document["scope"], document["window"]["limit"]) == ("until", "client", 1)
    assert document["window"]["time_zone"] == "Europe/Vienna"
    assert 0 < int(refusal.headers["Retry-After"]) <= 31 * 86_400 + 3_600
    assert '"until quota";r=0' in refusal.headers["RateLimit"]
    assert '"until quota";q=1' in refusal.headers["RateLimit-Policy"]


def test_with_valkey_away_each_limit_does_as_it_says_and_readyz_tells(two_doors, downstream):
    """Each plan allows 10 requests at once and 2 a second."""
    estate = Estate(two_doors, downstream, "away")
    estate.route("away", "/away", "POST", api_key_required=True)
    keys = {}
    for choice in ("open", "closed", "local"):
        estate.plan(f"away-{choice}", rate=2, burst=10, on_store_error=choice)
        keys[choice] = estate.key(f"away-{choice}", f"away-{choice}")
    estate.ready()
    wait_for_workers(two_doors)

    def limits():
        return two_doors.ask(two_doors.control, "GET", "/readyz", None, {}).json()["checks"]["limits"]

    def asked(choice):
        return estate.ask("/away", keys[choice], "POST")

    eventually(lambda: limits()["status"] == "ok", "limits are exact")
    [valkey] = two_doors.pids("valkey")
    os.kill(valkey, signal.SIGSTOP)
    try:
        eventually(lambda: all(asked("closed").status == 503 for _ in range(6)), "both workers miss it")
        refusal = asked("closed")
        assert (refusal.status, kind(refusal)) == (503, "limiter-away")
        assert int(refusal.headers["Retry-After"]) >= 1
        assert refusal.json()["source"] == "plan:away-closed"

        assert {asked("open").status for _ in range(30)} == {200}

        began = time.monotonic()
        passed = sum(asked("local").status == 200 for _ in range(40))
        assert 1 <= passed <= 10 + 2 * (time.monotonic() - began)

        told = limits()
        assert told["status"] == "warning"
        assert "Valkey does not answer" in told["detail"]
        assert {"open", "closed", "local"} <= set(told["value"])
    finally:
        os.kill(valkey, signal.SIGCONT)
    eventually(lambda: limits()["status"] == "ok", "limits are exact again", within_s=20)
    eventually(lambda: asked("closed").status == 200, "and let pass again", within_s=20)
    eventually(lambda: asked("open").status == 429, "and refuse again", within_s=20)

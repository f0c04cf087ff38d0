"""For every model of the back office: rows of it, and how its form is filled in, wrongly and then mended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session

from breakers.models import (
    Action,
    AlarmMessage,
    AlarmSource,
    ApiKey,
    Consumer,
    DelayPeriod,
    Journey,
    JourneyDelay,
    Override,
    ProbeRun,
    QuotaLedger,
    RequestRule,
    RuleCount,
    Stage,
    Target,
    Throttle,
    Transition,
    UsageCount,
    UsagePlan,
)
from breakers.operations import (
    actions,
    alarm_sources,
    consumers,
    journeys,
    keys,
    overrides,
    plans,
    rules,
    stages,
    targets,
    throttles,
)
from compositions.models import (
    BulkRun,
    Composition,
    CompositionRun,
    CompositionVersion,
    Execution,
    Intent,
    Pipe,
    PipeLease,
    Route,
    RunMinute,
    SagaWorker,
    SavedView,
    TaskToken,
)
from compositions.operations import compositions, executions, pipes, routes
from controlplane.access import tokens
from controlplane.access.models import ApiToken
from controlplane.audit.models import AuditChain, AuditEntry
from controlplane.aws.models import AwsCall, Holding
from controlplane.config.models import ConfigHead, ConfigPiece, ConfigVersion, Revision
from controlplane.kernel.access import Principal

SYSTEM = Principal.system("test")
LONG_AGO = datetime(2026, 1, 31, 12, tzinfo=UTC)
Fields = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """`make` gives a row. A form that can be filled in says how: `add` (whole), `wrong` (changes that its field
    refuses), `change` (that its page accepts), and `subject`, what the audit calls the row that `add` makes."""

    make: Callable[[], Any]
    add: Callable[[], Fields] | None = None
    wrong: tuple[Fields, str] | None = None
    change: Fields | None = None
    subject: str = ""
    search: str = ""
    acts: tuple[str, ...] = field(default=())


def target() -> Target:
    document = {
        "base_url": "http://127.0.0.1:9001",
        "title": "Catalog",
        "team": "Shop",
        "probe": {"path": "/up"},
        "breaker": {"policies": [{"type": "failure_rate"}]},
        "classification": [{"match": "404", "outcome": "ignore"}],
        "contracts": [{"limit": 5, "period_s": 1.5}],
        "fallback": {"static": {"items": []}},
    }
    return targets.put("catalog", document, by=SYSTEM)[0]


def journey() -> Journey:
    target()
    document = {"title": "Reading", "targets": ["catalog"], "messages": {"en": "Soon."}}
    return journeys.put("reading", document, by=SYSTEM)[0]


def route() -> Route:
    target()
    integration = {"type": "target", "target": "catalog"}
    return routes.put("article", {"path": "/articles/{id}", "integration": integration}, by=SYSTEM)[0]


WORKFLOW = """{"StartAt": "Ask", "States": {
  "Ask": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": true,
          "Parameters": {"ApiEndpoint": "target://catalog/items", "Method": "GET"}}
}}
"""


def composition() -> Composition:
    target()
    return compositions.put("article-page", {"title": "Article page", "definition": WORKFLOW}, by=SYSTEM)[0]


def composition_version() -> CompositionVersion:
    composition()
    return CompositionVersion.objects.get()


def pipe() -> Pipe:
    target()
    compositions.put("onboard", {"type": "STANDARD", "definition": WORKFLOW}, by=SYSTEM)
    return pipes.put("onboarding", {"target": "onboard", "filter": {"plan": ["premium"]}}, by=SYSTEM)[0]


def pipe_lease() -> PipeLease:
    pipe()
    return PipeLease.objects.create(pipe="onboarding", owner="host-1", until=LONG_AGO, since=LONG_AGO)


def intent() -> Intent:
    pipe()
    body = '{"plan": "premium", "password": "s3cr3t"}'
    return Intent.objects.create(id="0" * 28, pipe="onboarding", accepted_at=LONG_AGO, body=body)


def execution() -> Execution:
    target()
    compositions.put("onboard", {"type": "STANDARD", "definition": WORKFLOW}, by=SYSTEM)
    return executions.start("onboard", '{"password": "s3cr3t"}', by=SYSTEM, name="ann-1")


def task_token() -> TaskToken:
    waits = {"execution": execution().pk, "place": "[]", "state": "Sign up", "composition": "onboard"}
    return TaskToken.objects.create(token="t-1", title="Sign up Ann", resource="manual", created_at=LONG_AGO, **waits)


def saga_worker() -> SagaWorker:
    return SagaWorker.objects.create(id="host-1", host="host", pid=1, started_at=LONG_AGO, lease_until=LONG_AGO)


def composition_run() -> CompositionRun:
    ran = {"version": 1, "at": LONG_AGO, "ms": 12.5, "status": "FAILED", "complete": False, "why": "failed"}
    return CompositionRun.objects.create(composition="article-page", **ran)


def run_minute() -> RunMinute:
    return RunMinute.objects.create(composition="article-page", at=LONG_AGO)


def bulk_run() -> BulkRun:
    ordered = {"act": "stop", "newest": "e", "cursor": "e~", "total": 3, "reason": "bad release", "by": "ann"}
    return BulkRun.objects.create(by_kind="user", ordered_at=LONG_AGO, touched_at=LONG_AGO, **ordered)


def saved_view() -> SavedView:
    return SavedView.objects.create(name="Payments that wait", query="parked_on=payment", owner="ann")


def stage() -> Stage:
    return stages.put("partners", {"hosts": ["partners.example.com"], "rate": 50}, by=SYSTEM)[0]


def plan() -> UsagePlan:
    route()
    quota = {"limit": 1_000_000, "time_zone": "Europe/Vienna"}
    over = [{"route": "article", "method": "POST", "rate": 5}]
    return plans.put("gold", {"rate": 100, "burst": 200, "quota": quota, "overrides": over}, by=SYSTEM)[0]


def consumer() -> Consumer:
    return consumers.put("acme", {"title": "ACME", "contact": "api@acme.example", "tags": ["partner"]}, by=SYSTEM)[0]


def key() -> ApiKey:
    consumer()
    plan()
    return keys.create("acme", {"title": "shop", "plans": ["gold"]}, by=SYSTEM)[0]


def throttle() -> Throttle:
    route()
    return throttles.put("writes", {"scope": "method", "method": "POST", "route": "article", "rate": 20}, by=SYSTEM)[0]


def rule() -> RequestRule:
    document = {
        "statement": {"all": [{"path": {"starts": "/admin"}}, {"not": {"ip": ["10.0.0.0/8"]}}]},
        "rate": {"limit": 100, "window_s": 300, "keys": ["ip", "header:User-Agent"]},
        "action": "block",
        "answer": {"status": 429, "body": "Slow down.", "content_type": "text/plain"},
    }
    return rules.put("no-admin", document, by=SYSTEM)[0]


def override() -> Override:
    target()
    return overrides.put("catalog", state="DISABLED", reason="drill", by=SYSTEM)


def delay_period() -> DelayPeriod:
    journey()
    return DelayPeriod.objects.create(journey="reading", since=LONG_AGO, cause="circuit", detail="catalog: no calls")


def delay() -> JourneyDelay:
    journey()
    return journeys.put_delay("reading", reason="call from the bank", by=SYSTEM)


def transition() -> Transition:
    evidence = [{"at": "2026-01-31T12:00:00Z", "status": 500, "error": None}]
    return Transition.objects.create(
        target="catalog", epoch=1, at=LONG_AGO, from_state="CLOSED", to_state="OPEN", evidence=evidence, wait_ms=30_000
    )


def probe_run() -> ProbeRun:
    calls = [{"status": 200, "latency_ms": 12.5}]
    return ProbeRun.objects.create(target="catalog", at=LONG_AGO, passed=True, status=200, latency_ms=12.5, calls=calls)


def ledger() -> QuotaLedger:
    key()
    return QuotaLedger.objects.create(
        consumer=Consumer.objects.get(),
        plan=UsagePlan.objects.get(),
        period_start=LONG_AGO,
        period_end=LONG_AGO + timedelta(days=28),
        drawn=10,
    )


def usage_count() -> UsageCount:
    return UsageCount.objects.create(
        span="hour", at=LONG_AGO, consumer="acme", plan="gold", outcome="admitted", count=7, peak_per_s=2
    )


def action() -> Action:
    target()
    document = {"subjects": ["circuit:catalog"], "kind": "pipe", "name": "subs"}
    return actions.put("stop-subs", document, by=SYSTEM)[0]


def alarm_source() -> AlarmSource:
    target()
    document = {"scheme": "hmac", "alarms": [{"alarm": "checkout-*", "target": "catalog"}]}
    return alarm_sources.put("watch", document, by=SYSTEM)[0]


def alarm_message() -> AlarmMessage:
    row = {"alarm": "checkout-failed", "state": "ALARM", "target": "catalog", "outcome": "opened"}
    return AlarmMessage.objects.create(source="watch", message="1" * 64, at=LONG_AGO, **row)


def holding() -> Holding:
    row = {"title": "Pipe subs is STOPPED", "desired": "STOPPED", "since": LONG_AGO, "due_at": LONG_AGO}
    return Holding.objects.create(key="action:stop-subs", **row)


def aws_call() -> AwsCall:
    return AwsCall.objects.create(at=LONG_AGO, by="action:stop-subs", call='pipes.stop_pipe(Name="subs")')


def rule_count() -> RuleCount:
    return RuleCount.objects.create(span="hour", at=LONG_AGO, rule="no-admin", outcome="blocked", count=7)


def user() -> User:
    bob = User.objects.create_user("bob", password="correct horse battery", email="bob@example.org")
    bob.groups.add(Group.objects.get(name="operator"))
    return bob


def token() -> ApiToken:
    return tokens.issue(user(), "ci", by=SYSTEM)[0]


def session() -> Session:
    return Session.objects.order_by("expire_date")[0]  # of whoever looks


def login(model: Any, **fields: Any) -> Any:
    return model.objects.create(
        username="bob", ip_address="192.0.2.1", user_agent="curl", path_info="/login/", **fields
    )


def of_configuration(model: Any) -> Callable[[], Any]:
    def make() -> Any:
        target()
        return model.objects.order_by("pk")[0]

    return make


def _piece() -> ConfigPiece:
    target()
    return ConfigPiece.objects.get(kind="target", slug="catalog")


def _policy(**fields: Any) -> Fields:
    return {"policies-TOTAL_FORMS": 1, **{f"policies-0-{name}": value for name, value in fields.items()}}


def _conditions(*rows: Fields) -> Fields:
    found: Fields = {"conditions-TOTAL_FORMS": len(rows), "conditions-INITIAL_FORMS": 0}
    for index, row in enumerate(rows):
        whole = {"group": 1, "operator": "is", **row}
        found |= {f"conditions-{index}-{name}": value for name, value in whole.items()}
    return found


EXAMPLES: dict[str, Example] = {
    "breakers.Target": Example(
        target,
        add=lambda: {
            "slug": "payment",
            "base_url": "http://127.0.0.1:9002",
            "proxy_url": "http://127.0.0.1:3128",
            "proxy_username": "gateway",
            "proxy_secret": "hush",
            "fallback_body": '{"items": []}',
            **_policy(type="consecutive_failures", threshold=4, position=1),
        },
        wrong=({"policies-0-threshold": "0"}, "policies-0-threshold"),
        change={"timeout_ms": "750"},
        subject="target:payment",
        search="cata",
        acts=("observe", "enforce"),
    ),
    "breakers.Journey": Example(
        journey,
        add=lambda: {
            "slug": "paying",
            "severity": "critical",
            "clear_on": "drained",
            "messages-TOTAL_FORMS": 1,
            "messages-0-language": "en",
            "messages-0-text": "Soon.",
        },
        wrong=({"messages-0-language": "english language"}, "messages-0-language"),
        change={"severity": "info"},
        subject="journey:paying",
        search="read",
    ),
    "compositions.Route": Example(
        route,
        add=lambda: {
            "slug": "orders",
            "methods": "GET, POST",
            "path": "/orders/{id}",
            "target": target().pk,
            "stages": [Stage.objects.get(slug="main").pk],
        },
        wrong=({"path": "orders"}, "path"),
        change={"priority": "7"},
        subject="route:orders",
        search="art",
        acts=("disable", "enable"),
    ),
    "compositions.Composition": Example(
        composition,
        add=lambda: {"slug": "front-page", "type": "EXPRESS", "definition": target() and WORKFLOW},
        wrong=({"definition": WORKFLOW.replace("catalog", "nowhere")}, "definition"),
        change={"deadline_ms": "2500"},
        subject="composition:front-page",
        search="art",
    ),
    "compositions.CompositionVersion": Example(composition_version, search="article"),
    "compositions.Pipe": Example(
        pipe,
        add=lambda: {
            "slug": "orders",
            "target": pipe().target,
            "source_type": "database",
            "schema": '{"type": "object"}',
            "max_in_flight": 8,
            "max_backlog": 1000,
            "max_attempts": 3,
            "when_open": "hold",
            "start_per_s": 1,
            "ramp_s": 60,
            "idempotency_key": "optional",
            "tell": "status",
            "retention_days": 30,
        },
        wrong=({"schema": '{"type": "objekt"}'}, "schema"),
        change={"max_in_flight": "16"},
        subject="pipe:orders",
        search="onb",
        acts=("start", "stop"),
    ),
    "compositions.PipeLease": Example(pipe_lease, search="onb"),
    "compositions.Execution": Example(execution, search="ann-1"),
    "compositions.TaskToken": Example(task_token, search="Sign"),
    "compositions.SagaWorker": Example(saga_worker, search="host"),
    "compositions.CompositionRun": Example(composition_run, search="article"),
    "compositions.RunMinute": Example(run_minute, search="article"),
    "compositions.BulkRun": Example(bulk_run, search="release"),
    "compositions.SavedView": Example(saved_view, search="Payments"),
    "compositions.Intent": Example(intent, search="0" * 28),
    "breakers.Stage": Example(
        stage,
        add=lambda: {"slug": "public", "base_path": "/public", "rate": "100", "burst": "150"},
        wrong=({"base_path": "public"}, "base_path"),
        change={"rate": "25"},
        subject="stage:public",
        search="part",
    ),
    "breakers.UsagePlan": Example(
        plan,
        add=lambda: {
            "slug": "silver",
            "rate": "10",
            "quota_limit": "1000",
            "quota_time_zone": "Europe/Vienna",
            "stages": [Stage.objects.get(slug="main").pk],
            "overrides-TOTAL_FORMS": 1,
            "overrides-0-method": "POST",
            "overrides-0-rate": "2",
            "overrides-0-position": 1,
        },
        wrong=({"quota_time_zone": "Europe/Wien"}, "quota_time_zone"),
        change={"burst": "300"},
        subject="plan:silver",
        search="gol",
        acts=("count", "enforce"),
    ),
    "breakers.Consumer": Example(
        consumer,
        add=lambda: {"slug": "globex", "contact": "api@globex.example", "tags": "partner, eu"},
        wrong=({"slug": "Globex!"}, "slug"),
        change={"contact": "new@acme.example"},
        subject="consumer:globex",
        search="acm",
    ),
    "breakers.ApiKey": Example(
        key,
        add=lambda: {"consumer": consumer().pk, "title": "mobile", "plans": [plan().pk]},
        wrong=({"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        change={"title": "web"},
        subject="key:",
        search="shop",
        acts=("revoke",),
    ),
    "breakers.Throttle": Example(
        throttle,
        add=lambda: {"slug": "everything", "scope": "account", "rate": "500"},
        wrong=({"method": "GET"}, "method"),
        change={"rate": "30"},
        subject="throttle:everything",
        search="writ",
    ),
    "breakers.RequestRule": Example(
        rule,
        add=lambda: {
            "slug": "bots",
            "action": "count",
            "rate_limit": "100",
            "counted_by": ["ip"],
            "counted_headers": "User-Agent",
            **_conditions(
                {"field": "path", "operator": "starts", "values": "/search\n/find"},
                {"group": 2, "field": "header", "operator": "missing", "name": "user-agent", "negated": "on"},
            ),
        },
        wrong=({"conditions-0-values": "search"}, "conditions-0-values"),
        change={"priority": "3"},
        subject="rule:bots",
        search="no-a",
        acts=("disable", "enable", "count", "block", "challenge"),
    ),
    "auth.User": Example(
        user,
        add=lambda: {
            "username": "eve",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
            "usable_password": "true",
        },
        wrong=({"password2": "other"}, "password2"),
        change={"first_name": "Robert"},
        subject="user:eve",
        search="bo",
    ),
    "access.ApiToken": Example(
        token,
        add=lambda: {"user": user().pk, "title": "pipeline"},
        wrong=({"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        subject="token:",
        search="ci",
        acts=("revoke",),
    ),
    "sessions.Session": Example(session, acts=("end",)),
    "axes.AccessAttempt": Example(
        lambda: login(AccessAttempt, failures_since_start=5, get_data="", post_data=""), search="bob", acts=("forgive",)
    ),
    "axes.AccessLog": Example(lambda: login(AccessLog), search="bob"),
    "axes.AccessFailureLog": Example(lambda: login(AccessFailureLog), search="bob"),
    "auth.Group": Example(lambda: Group.objects.get(name="operator"), search="oper"),
    "breakers.Override": Example(override, search="cata"),
    "breakers.JourneyDelay": Example(delay, search="bank"),
    "breakers.DelayPeriod": Example(delay_period, search="read"),
    "breakers.Transition": Example(transition, search="cata"),
    "breakers.ProbeRun": Example(probe_run, search="cata"),
    "breakers.QuotaLedger": Example(ledger, search="acme"),
    "breakers.UsageCount": Example(usage_count, search="acme"),
    "breakers.RuleCount": Example(rule_count, search="no-a"),
    "breakers.Action": Example(
        action,
        add=lambda: {
            "slug": "stop-subs",
            "title": "Stop the pipe",
            "enabled": "on",
            "subjects": f"circuit:{target().slug}",
            "kind": "pipe",
            "name": "subs",
            "when_open": "STOPPED",
            "when_closed": "RUNNING",
            "account": "",
            "region": "",
        },
        wrong=({"when_open": "PAUSED"}, "when_open"),
        change={"title": "Stop it"},
        subject="action:stop-subs",
        search="subs",
    ),
    "breakers.AlarmSource": Example(
        alarm_source,
        add=lambda: {
            "slug": "watch",
            "title": "CloudWatch",
            "enabled": "on",
            "scheme": "hmac",
            "rules": f"checkout-* -> {target().slug}",
            "max_age_s": "600",
        },
        wrong=({"rules": "checkout-*"}, "rules"),
        change={"title": "Watch"},
        subject="alarm-source:watch",
        search="watch",
    ),
    "breakers.AlarmMessage": Example(alarm_message, search="checkout"),
    "aws.Holding": Example(holding, search="subs"),
    "aws.AwsCall": Example(aws_call, search="stop_pipe"),
    "audit.AuditEntry": Example(of_configuration(AuditEntry), search="catalog"),
    "audit.AuditChain": Example(of_configuration(AuditChain)),
    "config.ConfigHead": Example(of_configuration(ConfigHead)),
    "config.ConfigVersion": Example(of_configuration(ConfigVersion), search="catalog"),
    "config.ConfigPiece": Example(_piece, search="cata"),
    "config.Revision": Example(of_configuration(Revision), search="cata"),
}

"""The frozen settings of a target, in the shape of the public document (`GET /api/v1/targets/{slug}`).

Times carry their unit in the name. `parse_target` reads a document with defaults filled in; `problems` names every
setting that could never work, each with its path and remedy.
"""

from functools import cached_property
from typing import Any, Literal

import msgspec

from .outcomes import ClassificationRule, Classifier, compile_classifier, parse_match, parse_statuses
from .policies import ConsecutiveFailures, FieldProblem, Policy, Window
from .states import State


class BreakerSettings(msgspec.Struct, frozen=True, dict=True):
    mode: Literal["enforce", "observe"] = "enforce"
    policies: tuple[Policy, ...] = (ConsecutiveFailures(),)
    wait_duration_in_open_state_s: float = 30
    wait_backoff_multiplier: float = 1.0
    max_wait_duration_in_open_state_s: float = 600
    permitted_number_of_calls_in_half_open_state: int = 3
    success_threshold: int = 3
    max_wait_duration_in_half_open_state_s: float = 30
    half_open_by: Literal["probe", "traffic"] = "traffic"

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The distinct windows that the policies read, in a fixed order."""
        return tuple(dict.fromkeys(w for policy in self.policies if (w := policy.window())))

    @cached_property
    def slow_marks_ms(self) -> tuple[int, ...]:
        """The distinct durations from which a call counts as slow, ascending; an outcome's slow bits follow them."""
        return tuple(sorted({w.slow_ms for w in self.windows if w.slow_ms is not None}))


class ProbeSettings(msgspec.Struct, frozen=True, dict=True):
    method: str = "GET"
    path: str = "/health"
    expect_status: str = "200-299"
    expect_body_contains: str | None = None
    timeout_ms: int = 1000
    interval_s: float = 10
    count: int = 3

    @cached_property
    def statuses(self) -> frozenset[int]:
        return frozenset(parse_statuses(self.expect_status))


class ContractSettings(msgspec.Struct, frozen=True):
    """`limit` slots; one is busy from the moment it is taken until the call is settled plus `period_s`."""

    limit: int
    period_s: float
    on_exhausted: Literal["reject", "wait"] = "reject"
    max_wait_ms: int = 500
    id: int = 0
    created_at_ms: int = 0


class CacheSettings(msgspec.Struct, frozen=True):
    """An answer younger than `ttl_s` saves a call; up to `max_stale_s` older, it stands in while none may be made."""

    write_through: bool = True
    ttl_s: float = 0
    max_stale_s: float = 86400
    vary_headers: tuple[str, ...] = ()


class FallbackSettings(msgspec.Struct, frozen=True):
    """The answer of last resort: {"status": 200, "content_type": "application/json", "body": any JSON or text}."""

    static: dict[str, Any] | None = None


class Secret(msgspec.Struct, frozen=True):
    """A kept secret. `sealed` is encrypted; only the wire reveals it, and only to send it."""

    set: bool = False
    sealed: str = ""
    version: str = ""


class ProxySettings(msgspec.Struct, frozen=True):
    """The HTTP proxy through which a target is reached: asked for http:// addresses, tunnelled through for https://."""

    url: str
    username: str = ""
    password: Secret | None = None


class CredentialsSettings(msgspec.Struct, frozen=True):
    """What every call carries: `username` and `password` (basic), or the header `name` with `value`."""

    type: Literal["basic", "header"]
    username: str = ""
    password: Secret | None = None
    name: str = ""
    value: Secret | None = None


class TargetSettings(msgspec.Struct, frozen=True, dict=True):
    slug: str
    base_url: str
    title: str = ""
    kind: Literal["http", "on_prem", "third_party", "lambda"] = "http"
    timeout_ms: int = 2000
    max_concurrency: int = 64
    follow_redirects: bool = False
    on_store_error: Literal["allow", "refuse"] = "allow"
    breaker: BreakerSettings = BreakerSettings()
    probe: ProbeSettings | None = None
    classification: tuple[ClassificationRule, ...] = ()
    contracts: tuple[ContractSettings, ...] = ()
    cache: CacheSettings = CacheSettings()
    fallback: FallbackSettings = FallbackSettings()
    proxy: ProxySettings | None = None
    credentials: CredentialsSettings | None = None

    @cached_property
    def classifier(self) -> Classifier:
        return compile_classifier(self.classification)


class Override(msgspec.Struct, frozen=True):
    """An operator's order; it outranks what the breaker concludes until it is lifted or `expires_at_ms` has come."""

    state: State
    reason: str
    by: str
    since_ms: int
    expires_at_ms: int | None = None

    def active(self, now_ms: float) -> bool:
        return self.expires_at_ms is None or now_ms < self.expires_at_ms


def parse_target(document: dict[str, Any]) -> TargetSettings:
    """Read a complete target document; msgspec.ValidationError names the field when a type is wrong."""
    return msgspec.convert(document, TargetSettings)


def problems(target: TargetSettings) -> list[FieldProblem]:
    """Every setting of `target` that could never work; types and plain ranges are checked where documents come in."""
    breaker, probe = target.breaker, target.probe
    found: list[FieldProblem] = []

    def refuse(path: str, code: str, message: str) -> None:
        found.append(FieldProblem(path, code, message))

    if not breaker.policies and breaker.mode == "enforce":
        refuse(
            "breaker.policies",
            "never_opens",
            'Without a policy the circuit never opens; add one, or set "mode": "observe".',
        )
    for index, policy in enumerate(breaker.policies):
        found += policy.problems(f"breaker.policies[{index}]")
    for index, policy in enumerate(breaker.policies):
        window = policy.window()
        if window and window.slow_ms is not None and window.slow_ms > target.timeout_ms:
            text = f"Calls end at timeout_ms ({target.timeout_ms}); none takes {window.slow_ms} ms. Lower this."
            refuse(f"breaker.policies[{index}].slow_call_duration_threshold_ms", "unreachable", text)
    if len(breaker.slow_marks_ms) > 4:
        refuse("breaker.policies", "too_many", "At most four different slow_call_duration_threshold_ms fit one target.")
    if breaker.max_wait_duration_in_open_state_s < breaker.wait_duration_in_open_state_s:
        text = "Is below wait_duration_in_open_state_s; raise it or shorten the wait."
        refuse("breaker.max_wait_duration_in_open_state_s", "below_wait", text)
    permitted, threshold = breaker.permitted_number_of_calls_in_half_open_state, breaker.success_threshold
    if threshold > permitted:
        text = f"{permitted} permitted calls never give {threshold} successes; the circuit could never close."
        refuse("breaker.success_threshold", "unreachable", text)
    if breaker.half_open_by == "probe" and probe is None:
        refuse("breaker.half_open_by", "no_probe", 'Needs a probe block; add one or use "traffic".')
    if probe is not None:
        found += _probe_problems(breaker, probe)
    if target.follow_redirects and target.contracts:
        text = "A followed redirect is a second call that no slot of a contract covers; choose one of the two."
        refuse("follow_redirects", "uncounted", text)
    for index, rule in enumerate(target.classification):
        try:
            parse_match(rule.match)
        except ValueError as error:
            refuse(f"classification[{index}].match", "invalid", f"{error}.")
    return found


def _probe_problems(breaker: BreakerSettings, probe: ProbeSettings) -> list[FieldProblem]:
    found = []
    try:
        list(parse_statuses(probe.expect_status))
    except ValueError as error:
        found.append(FieldProblem("probe.expect_status", "invalid", f"{error}."))
    if breaker.half_open_by == "probe" and probe.count < breaker.success_threshold:
        threshold = breaker.success_threshold
        text = f"A round of {probe.count} calls never gives {threshold} passes; raise it or lower success_threshold."
        found.append(FieldProblem("probe.count", "unreachable", text))
    if probe.count * probe.timeout_ms > breaker.max_wait_duration_in_half_open_state_s * 1000:
        text = "A round of count x timeout_ms may outlive max_wait_duration_in_half_open_state_s and would always fail."
        found.append(FieldProblem("probe.timeout_ms", "unreachable", text))
    return found


def sentence(target: TargetSettings) -> str:
    """The breaker's settings as a person would say them."""
    breaker, probe = target.breaker, target.probe
    opens = " or ".join(policy.sentence() for policy in breaker.policies) or "never by itself"
    wait = f"{breaker.wait_duration_in_open_state_s:g} s"
    if breaker.half_open_by == "probe" and probe:
        closes = f"probes {probe.method} {probe.path} after {wait}; {probe.count} passes close"
    else:
        closes = f"lets trial calls through after {wait}; {breaker.success_threshold} successes close"
    return f"Opens {opens}; {closes}."

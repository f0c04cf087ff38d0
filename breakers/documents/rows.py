"""Between a target's rows and its document. Columns keep what was stated; defaults are filled in when it is read."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, QuerySet

from breakers.models import Breaker, BreakerPolicy, ClassificationRule, Contract, Probe, Target

from . import secret_fields
from .defaults import CACHE, CONTRACT, PLAIN, Document, complete
from .fields import figure

_PLAIN = [name for name in PLAIN if name != "slug"]
# Empty columns follow the adaptive defaults. (column, what an empty one holds)
_BREAKER: dict[str, Any] = {
    "mode": "enforce",
    "wait_duration_in_open_state_s": 30,
    "wait_backoff_multiplier": 1.0,
    "max_wait_duration_in_open_state_s": None,
    "permitted_number_of_calls_in_half_open_state": None,
    "success_threshold": None,
    "max_wait_duration_in_half_open_state_s": None,
    "half_open_by": "",
}
_POLICY: dict[str, Any] = {
    "type": "",
    "threshold": None,
    "failure_rate_threshold": None,
    "slow_call_duration_threshold_ms": None,
    "slow_call_rate_threshold": None,
    "minimum_number_of_calls": None,
    "sliding_window_type": "",
    "sliding_window_size": None,
}
# What the two columns of credentials are called in each type's document.
_CREDENTIALS = {"basic": ("username", "password"), "header": ("name", "value")}
_PROBE: dict[str, Any] = {
    "method": "GET",
    "path": "/health",
    "expect_status": "200-299",
    "expect_body_contains": "",
    "timeout_ms": None,
    "interval_s": 10,
    "count": None,
}


def targets() -> QuerySet[Target]:
    """Targets with everything that their documents are made of, in five queries however many there are."""
    return Target.objects.select_related("breaker", "probe", "override").prefetch_related(
        "policies", "classification", "contracts"
    )


def document(target: Target) -> Document:
    """The target's public document: what GET gives and PUT accepts."""
    return complete(stated(target))


def stated(target: Target) -> Document:
    """What was stated about the target, without the defaults that adapt."""
    breaker = getattr(target, "breaker", None)
    probe = getattr(target, "probe", None)
    found: Document = {name: figure(getattr(target, name)) for name in PLAIN}
    if breaker is not None:
        found["breaker"] = _filled(breaker, _BREAKER)
        found["breaker"]["policies"] = [_filled(policy, _POLICY) for policy in target.policies.all()]
    found["probe"] = None if probe is None else _filled(probe, _PROBE)
    found["classification"] = [{"match": rule.match, "outcome": rule.outcome} for rule in target.classification.all()]
    found["contracts"] = [
        {name: figure(getattr(contract, name)) for name in CONTRACT} for contract in target.contracts.all()
    ]
    found["cache"] = {name: figure(getattr(target, f"cache_{name}")) for name in CACHE}
    found["fallback"] = {"static": target.fallback_static}
    found["proxy"] = _proxy(target)
    found["credentials"] = _credentials(target)
    return found


def _proxy(target: Target) -> Document | None:
    if not target.proxy_url:
        return None
    password = secret_fields.shown(target.proxy_password)
    return {"url": target.proxy_url, "username": target.proxy_username, "password": password}


def _credentials(target: Target) -> Document | None:
    if not target.credentials_type:
        return None
    name, secret = _CREDENTIALS[target.credentials_type]
    kept = secret_fields.shown(target.credentials_secret)
    return {"type": target.credentials_type, name: target.credentials_name, secret: kept}


def write(target: Target, stated: Document) -> None:
    """Make the target's rows say what `stated` says, and nothing else."""
    plain = complete(stated)
    for name in _PLAIN:
        setattr(target, name, plain[name])
    for name in CACHE:
        setattr(target, f"cache_{name}", plain["cache"][name])
    target.fallback_static = plain["fallback"]["static"]
    _write_secrets(target, stated.get("proxy") or {}, stated.get("credentials") or {})
    target.save()
    _write_breaker(target, stated.get("breaker") or {}, plain["breaker"]["policies"])
    _write_probe(target, stated.get("probe"))
    target.classification.all().delete()
    ClassificationRule.objects.bulk_create(
        ClassificationRule(target=target, position=position, **rule)
        for position, rule in enumerate(plain["classification"])
    )
    _write_contracts(target, plain["contracts"])


def _write_secrets(target: Target, proxy: Document, credentials: Document) -> None:
    target.proxy_url, target.proxy_username = proxy.get("url", ""), proxy.get("username", "")
    target.proxy_password = secret_fields.written(proxy.get("password"), target.proxy_password)
    target.credentials_type = credentials.get("type", "")
    name, secret = _CREDENTIALS.get(target.credentials_type, ("", ""))
    target.credentials_name = credentials.get(name, "")
    target.credentials_secret = secret_fields.written(credentials.get(secret), target.credentials_secret)


def _write_breaker(target: Target, breaker: Document, policies: list[Document]) -> None:
    Breaker.objects.update_or_create(target=target, defaults=_columns(breaker, _BREAKER))
    target.policies.all().delete()
    BreakerPolicy.objects.bulk_create(
        BreakerPolicy(target=target, position=position, **_columns(policy, _POLICY))
        for position, policy in enumerate(breaker.get("policies", policies))
    )


def _write_probe(target: Target, probe: Document | None) -> None:
    if probe is None:
        Probe.objects.filter(target=target).delete()
    else:
        Probe.objects.update_or_create(target=target, defaults=_columns(probe, _PROBE))


def _write_contracts(target: Target, contracts: list[Document]) -> None:
    """A contract keeps its row, and so its ledger of slots: first those with the same figures, then in their order."""
    rows = list(target.contracts.all())
    kept: dict[int, Contract] = {}
    for same in (lambda row, new: (row.limit, row.period_s) == (new["limit"], new["period_s"]), lambda row, new: True):
        for position, contract in enumerate(contracts):
            match = None if position in kept else next((row for row in rows if same(row, contract)), None)
            if match is not None:
                kept[position] = match
                rows.remove(match)
    for row in rows:
        row.delete()
    for position, contract in enumerate(contracts):
        row = kept.get(position) or Contract(target=target)
        row.position = position
        for name, value in contract.items():
            setattr(row, name, value)
        row.save()


def _columns(stated: Document, empty: dict[str, Any]) -> dict[str, Any]:
    values = {name: stated.get(name, blank) for name, blank in empty.items()}
    return {name: empty[name] if value is None else value for name, value in values.items()}


def _filled(row: Model, empty: Iterable[str]) -> Document:
    """The columns of `row` that are not empty."""
    values = {name: getattr(row, name) for name in empty}
    return {name: figure(value) for name, value in values.items() if value is not None and value != ""}

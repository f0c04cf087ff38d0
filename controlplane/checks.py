"""System checks of the ground: every dotted path leads somewhere, and settings make sense together."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from controlplane.kernel import seams

SEAMS = {
    "CONFIG_COMPILERS": ("switchgear.E001", "a function that yields configuration pieces"),
    "PROBE_SOURCES": ("switchgear.E002", "a function that runs a probe"),
    "DELAY_SOURCES": ("switchgear.E003", "a function that yields delays"),
    "IMPACT_SOURCES": ("switchgear.E004", "a function that says what depends on a target"),
    "METRIC_SOURCES": ("switchgear.E005", "a function that yields metric families"),
    "DASHBOARD_PANELS": ("switchgear.E006", "a Panel class"),
    "APP_URLS": ("switchgear.E007", "a module with urlpatterns"),
    "API_ROUTES": ("switchgear.E008", "a list of URL patterns"),
    "PROBLEM_MODULES": ("switchgear.E009", "a module with Problem classes"),
    "BEAT_SCHEDULES": ("switchgear.E010", "a mapping of beat entries"),
    "ROUTE_SOURCES": ("switchgear.E013", "a function that yields the facts of routes"),
    "HEALTH_SOURCES": ("switchgear.E014", "a function that says how something fares"),
    "ACTION_SUBJECTS": ("switchgear.E016", "a kind of noun that actions may follow"),
    "AWS_PUBLISHERS": ("switchgear.E015", "a function that says what shall hold at AWS"),
}
FUNCTIONS = (
    "CONFIG_COMPILERS",
    "PROBE_SOURCES",
    "DELAY_SOURCES",
    "IMPACT_SOURCES",
    "METRIC_SOURCES",
    "HEALTH_SOURCES",
    "ROUTE_SOURCES",
    "AWS_PUBLISHERS",
)


@register()
def seams_lead_somewhere(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for name, (id, kind) in SEAMS.items():
        for path in getattr(settings, name):
            try:
                seams.resolve(path)
            except ImportError as error:
                hint = f"Each entry of {name} is the dotted path of {kind}."
                found.append(Error(f"{name}: {error}", hint=hint, id=id))
    return found


@register()
def compilers_are_functions(**_: Any) -> list[CheckMessage]:
    """Sources are called without arguments known here, so only that they can be called is checked."""
    found: list[CheckMessage] = []
    for name in FUNCTIONS:
        for path in getattr(settings, name):
            try:
                source = seams.resolve(path)
            except ImportError:
                continue  # reported above
            if not callable(source):
                hint = f"Name a function in {name}."
                found.append(Error(f"{name}: {path} cannot be called.", hint=hint, id="switchgear.E011"))
    return found


@register()
def ports_differ(**_: Any) -> list[CheckMessage]:
    if settings.CONTROL_PORT and settings.CONTROL_PORT == settings.FRONTDOOR_PORT:
        hint = "Operators' pages must not be reachable from the public port."
        return [Error("CONTROL_PORT and FRONTDOOR_PORT are the same.", hint=hint, id="switchgear.E012")]
    return []


@register(Tags.security, deploy=True)
def plain_http_stays_at_home(**_: Any) -> list[CheckMessage]:
    if settings.PLAIN_HTTP and settings.BIND_HOST not in {"127.0.0.1", "::1", "localhost"}:
        hint = "PLAIN_HTTP=1 is for loopback. Elsewhere put TLS in front and set BEHIND_TLS_PROXY=1."
        return [Warning("Passwords and tokens cross the network in clear text.", hint=hint, id="switchgear.W001")]
    return []

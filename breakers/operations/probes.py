"""Probing a target because an operator asks, instead of when beat says so."""

from typing import Any

from breakers import probing
from breakers.models import Target
from controlplane.audit.chain import record
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import NotFound


def now(slug: str, *, by: Principal, reason: str = "") -> dict[str, Any]:
    """Probe at once: {"passed", "status", "latency_ms", "detail"}. Raises NotFound, Conflict or Unavailable."""
    if not Target.objects.filter(slug=slug).exists():
        raise NotFound(f"There is no target {slug!r}.")
    result = probing.probe_now(slug, by=by.name)
    record(action="probe.run", subject=f"target:{slug}", by=by, after=result, reason=reason)
    return result

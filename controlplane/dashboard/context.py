"""What every page needs from the shell: navigation, who is looking and as what, and the configuration's version."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from controlplane.config.models import ConfigHead
from controlplane.kernel import clock
from controlplane.kernel.access import role_of


def shell(request: HttpRequest) -> dict[str, Any]:
    """A context processor. Values that need the database are fetched only by a template that shows them."""
    user = getattr(request, "user", None)
    links = [
        {"title": title, "href": href, "here": request.path == href or (href != "/" and request.path.startswith(href))}
        for title, href in settings.NAVIGATION
    ]
    return {
        "navigation": links,
        "role": SimpleLazyObject(lambda: role_of(user) or "no role") if user is not None else "no role",
        "config_version": SimpleLazyObject(_version),
        "rendered_at": clock.now(),
    }


def _version() -> str:
    try:
        return str(ConfigHead.objects.values_list("number", flat=True).filter(pk=1).first() or 0)
    except DatabaseError:
        return "unknown"

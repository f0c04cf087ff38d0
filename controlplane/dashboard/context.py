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
    links = [_link(request.path, title, to) for title, to in settings.NAVIGATION]
    return {
        "navigation": links,
        "pages_of_group": next((link["pages"] for link in links if link["here"]), []),
        "role": SimpleLazyObject(lambda: role_of(user) or "no role") if user is not None else "no role",
        "config_version": SimpleLazyObject(_version),
        "rendered_at": clock.now(),
    }


def _link(path: str, title: str, to: Any) -> dict[str, Any]:
    """An entry of the header. A group leads to its first page and shows the others once one of them is open."""
    if isinstance(to, str):
        return {"title": title, "href": to, "here": path == to or (to != "/" and path.startswith(to)), "pages": []}
    pages = [_link(path, *page) for page in to]
    return {"title": title, "href": pages[0]["href"], "here": any(page["here"] for page in pages), "pages": pages}


def _version() -> str:
    try:
        return str(ConfigHead.objects.values_list("number", flat=True).filter(pk=1).first() or 0)
    except DatabaseError:
        return "unknown"

"""Seams: what a lower floor must gather from a higher one is named in settings by dotted path and found here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver


@cache
def resolve(path: str) -> Any:
    """The module, class, function or value that a dotted path names. Raises ImportError when there is none."""
    try:
        return import_module(path)
    except ModuleNotFoundError as missing:
        # Only the last word may be an attribute; an import that fails inside the module is that module's own fault.
        parent, _, name = path.rpartition(".")
        if not parent or missing.name != path:
            if missing.name is None or not path.startswith(missing.name):
                raise
            raise ImportError(f"No module {missing.name!r} for the dotted path {path!r}.") from missing
    module = import_module(parent)
    try:
        return vars(module)[name]
    except KeyError:
        raise ImportError(f"Module {parent!r} has no {name!r} (dotted path {path!r}).") from None


def sources(setting: str) -> list[Callable[..., Iterable[Any]]]:
    """The callables that a settings list names, in its order."""
    return [resolve(path) for path in getattr(settings, setting)]


def url_patterns(path: str) -> list[URLPattern | URLResolver]:
    """URL patterns named by dotted path: a list, or a module with `urlpatterns`."""
    found = resolve(path)
    return found if isinstance(found, list) else found.urlpatterns

"""Fills the range's HTML templates and serves its static files; values are escaped unless they are Markup."""

from __future__ import annotations

import html
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template

from compositions.practice_range.wire import Answer

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates" / "practice_range"
STATIC = ROOT / "static" / "practice_range"
STATIC_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Markup(str):
    """HTML that is already safe to place in a page."""


@cache
def _template(name: str) -> Template:
    return Template((TEMPLATES / name).read_text(encoding="utf-8"))


def fill(name: str, **values: object) -> Markup:
    safe = {key: value if isinstance(value, Markup) else html.escape(str(value)) for key, value in values.items()}
    return Markup(_template(name).substitute(safe))


def join(pieces: Iterable[Markup]) -> Markup:
    return Markup("".join(pieces))


def page(body: Markup, *, frontdoor_url: str, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A whole document with the security headers that every page of the range carries."""
    policy = (
        "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; img-src 'self'; "
        f"style-src 'self'; script-src 'self' {frontdoor_url}; connect-src 'self' {frontdoor_url}"
    )
    always = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return Answer(status, body.encode(), "text/html; charset=utf-8", always | (headers or {}))


def static_file(name: str) -> Answer | None:
    """A file of the range's own static folder; only names that the folder lists are served."""
    for path in STATIC.iterdir():
        if path.name == name and path.suffix in STATIC_TYPES:
            headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
            return Answer(200, path.read_bytes(), STATIC_TYPES[path.suffix], headers)
    return None

"""The page of a challenge and the files that it needs, read once and served by the front door itself."""

import hashlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import msgspec

from breakers.delays.conditional import matches

ASSET_MAX_AGE_S = 300

# Where the files of the page lie below static/, by the last part of their address.
ASSETS = {
    "altcha.js": ("vendor/altcha.min.js", b"text/javascript; charset=utf-8"),
    "worker.js": ("vendor/altcha.pbkdf2.js", b"text/javascript; charset=utf-8"),
    "altcha.css": ("vendor/altcha.css", b"text/css; charset=utf-8"),
    "challenge.js": ("challenge/challenge.js", b"text/javascript; charset=utf-8"),
    "challenge.css": ("challenge/challenge.css", b"text/css; charset=utf-8"),
}
# No inline script or style, no eval, no blob: the widget's build with its worker in a file of its own needs none.
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class WebReply(msgspec.Struct):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class ChallengePage:
    """`base` is the folder that holds templates/ and static/."""

    def __init__(self, base: Path) -> None:
        self._template = Template((base / "templates" / "challenge.html").read_text())
        self._assets = {name: _asset(base / "static" / file, kind) for name, (file, kind) in ASSETS.items()}

    def show(self, status: int, *, problem: str = "", **values: str) -> WebReply:
        """The page with these values in their places, escaped."""
        alert = f'<p class="bad" role="alert">{escape(problem)}</p>' if problem else ""
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"content-security-policy", POLICY.encode()),
            (b"referrer-policy", b"same-origin"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
        ]
        shown = {name: escape(value) for name, value in values.items()}
        return WebReply(status, headers, self._template.substitute(shown, problem=alert).encode())

    def asset(self, name: str, headers: Sequence[tuple[bytes, bytes]]) -> WebReply:
        """One of ASSETS, or that it has not changed."""
        asset = self._assets[name]
        tags = next((value for field, value in headers if field == b"if-none-match"), None)
        if tags is not None and matches(tags, dict(asset.headers)[b"etag"]):
            return WebReply(304, asset.headers[1:])
        return asset


def _asset(file: Path, kind: bytes) -> WebReply:
    source = file.read_bytes()
    tag = hashlib.sha256(source).hexdigest()[:20].encode()
    headers = [
        (b"content-type", kind),
        (b"cache-control", b"public, max-age=%d" % ASSET_MAX_AGE_S),
        (b"etag", b'"' + tag + b'"'),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", POLICY.encode()),  # a worker obeys the policy that came with its own file
    ]
    return WebReply(200, headers, source)

"""One request to this installation's own front door, as a consumer would send it: the try-it button of a new key.

Only the path is the admin's to choose. The address is the installation's own, redirects are not followed, and answer
and time are bounded.
"""

import http.client
import re
import shlex
import time
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from breakers import routes
from breakers.models import Stage
from breakers.routes import RouteFacts
from controlplane.kernel.errors import FieldProblem, Invalid

HEADER = "X-API-Key"
CONNECT_S, ANSWER_S = 2, 8
# So long after its making a key may still be unknown to a front door; it is asked again meanwhile.
LEARNS_WITHIN_S, AGAIN_S = 3.0, 0.25
BODY_SHOWN = 2000
LONGEST_PATH = 1000
PATH = re.compile(r"^/[!-~]*$")
SHOWN = re.compile(r"^(ratelimit|x-cache|age|retry-after|content-type|www-authenticate|location|x-request-id)", re.I)
UNKNOWN_KEY = "/problems/api-key-unknown"


class Place(NamedTuple):
    """Where a key can be tried: a route through one of its stages, as an address of the front door."""

    route: RouteFacts
    stage: str
    host: str
    path: str

    @property
    def slug(self) -> str:
        return f"{self.stage}/{self.route.slug}"

    @property
    def needs_key(self) -> bool:
        return self.route.api_key_required


class Answer(NamedTuple):
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: str
    took_ms: int

    @property
    def fine(self) -> bool:
        return 200 <= self.status < 400


def places(stages: Iterable[str]) -> list[Place]:
    """Enabled GET routes in these stages, those first that need a key; empty stages mean any."""
    wanted = set(stages)
    known = {stage.slug: stage for stage in Stage.objects.all()}
    found = []
    for facts in routes.known():
        for slug in facts.stages:
            stage = known.get(slug)
            if stage is None or not facts.enabled or "GET" not in facts.methods or (wanted and slug not in wanted):
                continue
            host = next((name for name in stage.hosts or [] if not name.startswith("*")), "")
            path = stage.base_path.rstrip("/") + re.sub(r"\{[^}]*\}", "1", facts.path)
            found.append(Place(facts, slug, host, path))
    return sorted(found, key=lambda place: (not place.needs_key, place.stage != "main", place.route.slug))


def front_door(host: str = "127.0.0.1") -> str:
    """Where consumers reach the front door; without PUBLIC_FRONTDOOR_URL it is on the host of this page."""
    return settings.PUBLIC_FRONTDOOR_URL or f"http://{host}:{settings.FRONTDOOR_PORT}"


def curl(place: Place | None, secret: str, *, host: str, path: str) -> str:
    """A line that works as it stands in a shell."""
    words = ["curl", "-i", "-H", f"{HEADER}: {secret}"]
    if place is not None and place.host and urlsplit(front_door(host)).hostname != place.host:
        words += ["-H", f"Host: {place.host}"]
    return shlex.join([*words, front_door(host) + path])


def call(path: str, secret: str, *, host: str = "") -> Answer:
    """GET `path` with the key. Raises Invalid for a path that is none; OSError when nothing answers."""
    if not PATH.match(path) or len(path) > LONGEST_PATH:
        text = "Begin with /, and percent-encode spaces and what is not ASCII."
        raise Invalid(text, problems=[FieldProblem("path", "invalid", text)])
    until = time.monotonic() + LEARNS_WITHIN_S
    while True:
        answer = _ask(path, secret, host)
        if answer.status != 401 or UNKNOWN_KEY not in answer.body or time.monotonic() > until:
            return answer
        time.sleep(AGAIN_S)


def _ask(path: str, secret: str, host: str) -> Answer:
    own = urlsplit(front_door(_local()))
    kind = http.client.HTTPSConnection if own.scheme == "https" else http.client.HTTPConnection
    connection = kind(own.hostname or "", own.port, timeout=CONNECT_S)
    headers = {HEADER: secret, "Accept": "*/*", "User-Agent": "switchgear-try/1"}
    if host:
        headers["Host"] = host
    began = time.monotonic()
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_S)
        connection.request("GET", own.path.rstrip("/") + path, headers=headers)
        answer = connection.getresponse()
        body = b""
        while (
            len(body) <= BODY_SHOWN and time.monotonic() < began + ANSWER_S and (more := answer.read1(BODY_SHOWN + 1))
        ):
            body += more
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()
    text = body[:BODY_SHOWN].decode("utf-8", "replace") + ("…" if len(body) > BODY_SHOWN else "")
    shown = sorted(
        ((name, value) for name, value in answer.getheaders() if SHOWN.match(name)),
        key=lambda header: not header[0].lower().startswith("ratelimit"),
    )
    return Answer(answer.status, answer.reason, shown, text, round((time.monotonic() - began) * 1000))


def _local() -> str:
    """The address of the front door on this machine: what it is bound to, or loopback when that is everything."""
    return "127.0.0.1" if settings.BIND_HOST in ("", "0.0.0.0", "::") else settings.BIND_HOST

"""What consumers and visitors ask the front door itself: use, intents, circuits, the challenge of a request rule."""

import json
from urllib.parse import parse_qs

from breakers.admission.own_usage import own_usage
from controlplane.kernel.errors import MethodNotAllowed, NotFound

from .answers import Message, Receive, Reply
from .bodies import check_announced, read_body
from .builtins import not_loaded
from .circuits import CIRCUITS, Outside
from .headers import Incoming, RawHeaders
from .integrations.pipe import INTENTS
from .intents import intent_answer
from .life import Plane

USAGE = "/-/usage"
# Every path that is answered here begins with one of these.
OWN = (CIRCUITS.encode(), b"/-/usage", b"/-/challenge", INTENTS.encode())


async def own_answer(
    scope: Message, receive: Receive, plane: Plane | None, outside: Outside, *, trust_peer: bool
) -> Reply:
    """The answer; raises a Problem, or ClientGone. `trust_peer`: what X-Forwarded-Proto says of the scheme is true."""
    if plane is None:
        raise not_loaded()
    path: str = scope["raw_path"].decode("latin-1")
    if path.startswith(CIRCUITS):
        return await outside.answer(scope, receive, plane)
    if path.startswith(INTENTS):
        language = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [None])[0]
        snapshot, delays = plane.config.snapshot, plane.delays
        return await intent_answer(scope["method"], path, language, scope["headers"], snapshot, delays)
    if plane.admission.challenges.owns(path):
        return await _challenge(scope, receive, plane, path, trust_peer=trust_peer)
    return await _usage(scope["method"], path, scope["headers"], plane)


async def _usage(method: str, path: str, headers: RawHeaders, plane: Plane) -> Reply:
    if path != USAGE:
        raise NotFound(f"The front door has no {path}.")
    if method not in ("GET", "HEAD"):
        raise MethodNotAllowed(f"{method} is not possible here.")
    key = plane.admission.holder(headers)
    document = await own_usage(plane.admission, key, plane.now_ms())
    fields = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"vary", b"X-API-Key")]
    return Reply(200, fields, json.dumps(document).encode())


async def _challenge(scope: Message, receive: Receive, plane: Plane, path: str, *, trust_peer: bool) -> Reply:
    challenges, incoming = plane.admission.challenges, Incoming(scope["headers"])
    method, peer = scope["method"], scope["client"][0]
    body = b""
    if method == "POST":
        check_announced(incoming, challenges.MAX_BODY)
        body = await read_body(receive, challenges.MAX_BODY)
    reply = await challenges.answer(
        method,
        path,
        scope["query_string"].decode("latin-1"),
        scope["headers"],
        body,
        client_of=lambda stage: plane.admission.client_of(stage, peer, incoming.sources),
        secure=incoming.scheme(scope["scheme"], trust_peer=trust_peer) == "https",
    )
    return Reply(reply.status, reply.headers, b"" if method == "HEAD" else reply.body)

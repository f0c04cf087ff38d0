"""Circuits for services with an HTTP client of their own: `/-/circuits/{target}`, its `/outcomes` and its `/permits`.

Whoever asks shows an API token. It is looked up in the configuration document, so no database is asked.
"""

import json
import re
from typing import Any, Protocol

import msgspec
from django.conf import settings

from breakers.delays.conditional import matches, weak
from breakers.guard import outside
from breakers.guard.circuits import Guarded
from breakers.guard.errors import BreakerOpen
from breakers.guard.outside import Moment, Report, Reports, standing
from controlplane.access.holders import Holder, Holders, Snapshot
from controlplane.kernel.errors import FieldProblem, Forbidden, Invalid, MethodNotAllowed, NotFound, Unauthenticated

from .answers import Fields, Message, Receive, Reply, own_id, problem_reply
from .bodies import check_announced, read_body
from .headers import Incoming, RawHeaders, first

CIRCUITS = "/-/circuits/"
MAX_BODY = 256 * 1024
_PATH = re.compile(r"/-/circuits/([a-z0-9-]{1,63})(/outcomes|/permits)?")
# One of these acts is enough. Who may give orders may report; who may only report learns no more than it has to.
ACTS = {"": ("view", "report"), "/outcomes": ("report", "operate"), "/permits": ("report", "operate")}
JSON: Fields = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Feed(Protocol):
    @property
    def snapshot(self) -> Snapshot: ...


class Plane(outside.Plane, Protocol):
    @property
    def config(self) -> Feed: ...


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """`batch` is the caller's own name of it: sent again, it is not counted again."""

    batch: str
    outcomes: list[Report]
    sent_at: Moment | None = None
    epoch: int = 0


class NoToken(Unauthenticated):
    """The front door's circuits are for holders of an API token: send `Authorization: Bearer TOKEN`."""

    kind = "no-token"


class Outside:
    """The front door's side of it. One for each process: it remembers batches and the tokens of the present version."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._holders = Holders()
        self._reports: Reports | None = None

    async def answer(self, scope: Message, receive: Receive, plane: Plane) -> Reply:
        """Raises a Problem, or ClientGone."""
        headers: RawHeaders = scope["headers"]
        try:
            return await self._answer(scope, receive, plane)
        except NoToken as error:
            more: Fields = [(b"www-authenticate", b'Bearer realm="switchgear"')]
            return problem_reply(error, own_id(first(headers, b"x-request-id") or ""), more)

    async def _answer(self, scope: Message, receive: Receive, plane: Plane) -> Reply:
        path, method, headers = scope["raw_path"].decode("latin-1"), scope["method"], scope["headers"]
        found = _PATH.fullmatch(path)
        if found is None:
            raise NotFound(f"The front door has no {path}.")
        slug, part = found[1], found[2] or ""
        allowed = ("POST",) if part else ("GET", "HEAD")
        if method not in allowed:
            raise MethodNotAllowed(f"{method} is not possible here.")
        holder = self._holder(plane, headers, ACTS[part])
        guarded = plane.circuits.get(slug)
        if guarded is None:
            raise NotFound(f"There is no target {slug!r}.")
        if not part:
            return _state(plane, guarded, headers, head=method == "HEAD")
        if self._reports is None:
            self._reports = Reports(plane, settings.KEY_PREFIX)
        if part == "/permits":
            return await self._permit(plane, guarded)
        check_announced(Incoming(headers), MAX_BODY)
        batch = _batch(await read_body(receive, MAX_BODY))
        done = await self._reports.take(
            guarded, holder.name, batch.batch, batch.outcomes, sent_at=batch.sent_at, epoch=batch.epoch
        )
        return Reply(200, JSON, _text({**done._asdict(), "circuit": standing(plane, guarded)}))

    async def _permit(self, plane: Plane, guarded: Guarded) -> Reply:
        assert self._reports is not None
        permit = await self._reports.permit(guarded)
        if permit is None:
            state = standing(plane, guarded)
            said = "calls flow, and need no permit" if state["may_call"] else "no trial call is permitted now"
            raise BreakerOpen(guarded.slug, said, retry_after_s=state["retry_after_s"] or 1, state=str(guarded.state))
        lasts_s = (guarded.settings.timeout_ms + 1000) / 1000
        body = {"permit": f"{permit.epoch}.{permit.id}", "expires_in_s": lasts_s, "target": guarded.slug}
        return Reply(201, JSON, _text(body))

    def _holder(self, plane: Plane, headers: RawHeaders, acts: tuple[str, str]) -> Holder:
        snapshot = plane.config.snapshot
        if snapshot is not self._snapshot:
            self._snapshot, self._holders = snapshot, Holders.of(snapshot)
        holder = self._holders.find(first(headers, b"authorization"), plane.now_ms())
        if holder is None:
            raise NoToken("Send Authorization: Bearer with an API token that is known, not expired and not revoked.")
        if not any(act in holder.acts for act in acts):
            raise Forbidden(f"The token's user may neither “{acts[0]}” nor “{acts[1]}”.", act=acts[0])
        return holder


def _state(plane: Plane, guarded: Guarded, headers: RawHeaders, *, head: bool) -> Reply:
    document = standing(plane, guarded)
    # What passes by itself is no news: the time that is left.
    tag = weak(_text({**document, "retry_after_s": document["retry_after_s"] is None}))
    fields: Fields = [(b"content-type", b"application/json"), (b"cache-control", b"private, no-cache"), (b"etag", tag)]
    if document["retry_after_s"] is not None:
        fields.append((b"retry-after", b"%d" % -(-document["retry_after_s"] // 1)))
    seen = first(headers, b"if-none-match")
    if seen is not None and matches(seen.encode("latin-1"), tag):
        return Reply(304, fields[1:])
    return Reply(200, fields, b"" if head else _text(document))


def _batch(body: bytes) -> Batch:
    try:
        batch = msgspec.json.decode(body, type=Batch)
    except msgspec.ValidationError as error:  # "Expected `int`, got `str` - at `$.outcomes[0].status`"
        said, _, path = str(error).partition(" - at `$")
        raise _wrong(path.rstrip("`").lstrip(".") or "batch", said) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _wrong("", "Send a JSON object with batch and outcomes") from None
    if not 1 <= len(batch.batch) <= 200:
        raise _wrong("batch", "Use 1 to 200 characters that no other batch of yours has")
    return batch


def _wrong(path: str, said: str) -> Invalid:
    return Invalid(f"{said}.", problems=[FieldProblem(path, "invalid", f"{said}.")])


def _text(document: Any) -> bytes:
    return json.dumps(document).encode()

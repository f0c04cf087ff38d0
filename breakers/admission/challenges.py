"""Challenges: a page that has the browser do a proof of work, and gives it a pass that expires.

    GET  /-/challenge        the page, for ?stage=&rule=&return=; also shown in place of a challenged answer (403)
    GET  /-/challenge/new    a signed proof of work to do, for ?stage=&rule=; programs may do it too
    POST /-/challenge        the solution: {"altcha", "return"} as a form or JSON -> a pass, and back to where it began
    GET  /-/challenge/…      what the page needs

The proof of work is altcha's (PBKDF2 by the browser's own WebCrypto): about 256 derivations for the client, one for
the server, off its loop. A challenge is signed, bound to stage, rule and client address, lasts ten minutes and is taken
once.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import altcha
import msgspec
from django.conf import settings
from django.utils.crypto import salted_hmac
from redis.asyncio import Redis

from breakers.core.statements.traits import text_of
from breakers.models.fields import SLUG
from breakers.store.slots import STORE_ERRORS
from controlplane.kernel.errors import FieldProblem, Invalid, MethodNotAllowed, NotFound, TooLarge

from .challenge_page import ASSETS, ChallengePage, WebReply
from .passes import Passes, without_pass

__all__ = ["Challenges", "WebReply", "safe_return", "without_pass"]

ADDRESS = "/-/challenge"
NEW = f"{ADDRESS}/new"
ALGORITHM = "PBKDF2/SHA-256"
COST = 5000
CHALLENGE_S = 600
MAX_BODY = 16 * 1024
LONGEST_RETURN = 2000
REMEMBERED = 10_000
ASSET_MAX_AGE_S = 300

EXPIRED = "The check took too long, or was used before. Please do it once more."
WRONG = "The check did not succeed. Please do it once more."


class Challenges:
    """One per process. `on_solved` is told the rule's slug whenever a challenge was met."""

    MAX_BODY = MAX_BODY

    def __init__(
        self,
        valkey: Redis | None,
        prefix: str,
        *,
        now_ms: Callable[[], float],
        on_solved: Callable[[str], None] | None = None,
    ) -> None:
        self.passes = Passes(now_ms)
        self.on_solved = on_solved
        self._valkey, self._prefix, self._now_ms = valkey, prefix, now_ms
        self._secret = salted_hmac("switchgear.challenge", "proof-of-work", algorithm="sha256").hexdigest()
        self._page = ChallengePage(Path(settings.BASE_DIR))
        self._used: dict[str, float] = {}
        self._verifying = asyncio.Semaphore(1)

    @staticmethod
    def owns(path: str) -> bool:
        return path == ADDRESS or path.startswith(ADDRESS + "/")

    @staticmethod
    def browser(method: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Whether a page can be shown in place of the answer: somebody navigates, and reads HTML."""
        return method in ("GET", "HEAD") and any(
            name == b"accept" and b"text/html" in value.lower() for name, value in headers
        )

    @staticmethod
    def address(*, stage: str, rule: str, return_to: str = "/") -> str:
        """Where the challenge of a rule can be met; for those who can't be shown the page in place."""
        return f"{ADDRESS}?{urlencode({'stage': stage, 'rule': rule, 'return': safe_return(return_to)})}"

    def page(self, *, stage: str, rule: str, return_to: str, problem: str = "", status: int = 403) -> WebReply:
        return self._page.show(
            status,
            challenge=f"{NEW}?{urlencode({'stage': stage, 'rule': rule})}",
            target=safe_return(return_to),
            stage=stage,
            rule=rule,
            minutes=str(self.passes.valid_s // 60),
            problem=problem,
        )

    async def answer(
        self,
        method: str,
        path: str,
        query: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        *,
        client_of: Callable[[str], str],
        secure: bool,
    ) -> WebReply:
        """The answer to a request below /-/challenge. Raises NotFound, MethodNotAllowed, TooLarge or Invalid."""
        name = path.removeprefix(ADDRESS).strip("/")
        if name in ASSETS or name == "new":
            if method not in ("GET", "HEAD"):
                raise MethodNotAllowed(f"{method} is not possible here.")
            if name != "new":
                return self._page.asset(name, headers)
        elif name:
            raise NotFound(f"The front door has no {path[:200]}.")
        if method == "POST":
            return await self._solution(headers, body, client_of, secure=secure)
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed(f"{method} is not possible here.")
        asked = {field: values[-1] for field, values in parse_qs(query).items()}
        stage, rule = _slug(asked.get("stage"), "main"), _slug(asked.get("rule"), "")
        if name == "new":
            return _json(200, self.new(stage, rule, client_of(stage)))
        return self.page(stage=stage, rule=rule, return_to=asked.get("return", "/"), status=200)

    # The proof of work ------------------------------------------------------------------------------------------------

    def new(self, stage: str, rule: str, client: str) -> dict[str, Any]:
        """A challenge for the widget, or for any program that knows altcha's second protocol."""
        made = altcha.create_challenge(
            ALGORITHM,
            COST,
            expires_at=int(self._now_ms() / 1000) + CHALLENGE_S,
            data={"stage": stage, "rule": rule, "client": client},
            hmac_secret=self._secret,
        )
        document: dict[str, Any] = made.to_dict()
        return document

    async def _solution(
        self,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
        client_of: Callable[[str], str],
        *,
        secure: bool,
    ) -> WebReply:
        if len(body) > MAX_BODY:
            raise TooLarge(f"At most {MAX_BODY} bytes are taken.", limit=MAX_BODY)
        form, program = _form(headers, body)
        payload, target = form.get("altcha", ""), safe_return(form.get("return", "/"))
        data, problem = await self._judged(payload)
        stage = _slug(data.get("stage"), "main")
        if not problem and data.get("client") != client_of(stage):
            problem = WRONG
        if problem:
            if program:
                raise Invalid(problem, problems=[FieldProblem("altcha", "refused", problem)])
            stage, rule = _slug(form.get("stage"), "main"), _slug(form.get("rule"), "")
            return self.page(stage=stage, rule=rule, return_to=target, problem=problem)
        if self.on_solved is not None:
            self.on_solved(str(data.get("rule") or ""))
        cookie = b"set-cookie", self.passes.field(stage, client_of(stage), secure=secure)
        if program:
            reply = _json(200, {"passed": True, "stage": stage, "expires_in_s": self.passes.valid_s})
            reply.headers.append(cookie)
            return reply
        return WebReply(303, [(b"location", target.encode()), (b"cache-control", b"no-store"), cookie])

    async def _judged(self, payload: str) -> tuple[Mapping[str, Any], str]:
        """What was signed into the challenge, and what is wrong with its solution; "" when nothing is."""
        try:
            given = altcha.Payload.from_dict(json.loads(base64.b64decode(payload, validate=True)))
            nonce, data = given.challenge.parameters.nonce, given.challenge.parameters.data or {}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}, WRONG
        if not isinstance(nonce, str) or not re.fullmatch(r"[0-9a-f]{32}", nonce) or not isinstance(data, dict):
            return {}, WRONG
        if self._used.get(nonce, 0) > self._now_ms():
            return {}, EXPIRED
        # Off the loop, one at a time: a derivation takes a millisecond or two, and floods of them must not take more.
        async with self._verifying:
            result = await asyncio.to_thread(altcha.verify_solution, given, self._secret)
        if result.expired:
            return {}, EXPIRED
        if not result.verified:
            if result.invalid_solution:  # signed by us: it costs a derivation each time, so there is no second guess
                self._remember(nonce)
            return {}, WRONG
        return (data, "") if await self._first_use(nonce) else ({}, EXPIRED)

    async def _first_use(self, nonce: str) -> bool:
        """True once for each challenge: in the whole fleet, and without the store in this process."""
        if self._used.get(nonce, 0) > self._now_ms():
            return False
        self._remember(nonce)
        if self._valkey is None:
            return True
        key = f"{self._prefix}:challenge:{nonce}"
        try:
            return bool(await self._valkey.set(key, 1, nx=True, ex=CHALLENGE_S + 60))
        except STORE_ERRORS:
            return True

    def _remember(self, nonce: str) -> None:
        now = self._now_ms()
        if len(self._used) >= REMEMBERED:
            self._used = {known: ends for known, ends in self._used.items() if ends > now}
        if len(self._used) >= REMEMBERED:
            self._used.pop(next(iter(self._used)))
        self._used[nonce] = now + (CHALLENGE_S + 60) * 1000


def safe_return(address: str) -> str:
    """Where to go on: a path of this host, or its root when the address could lead anywhere else."""
    if not address.startswith("/") or address[1:2] in ("/", "\\") or len(address) > LONGEST_RETURN:
        return "/"
    if not address.isascii() or any(c <= " " or c in '\x7f\\"<>' for c in address):
        return "/"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc or Challenges.owns(parts.path) else address


def _slug(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) and re.match(SLUG, value) else otherwise


def _form(headers: Sequence[tuple[bytes, bytes]], body: bytes) -> tuple[dict[str, str], bool]:
    """The fields that were sent, and whether a program sent them (JSON) rather than a page."""
    kind = next((text_of(value) for name, value in headers if name == b"content-type"), "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return {name: values[-1] for name, values in parse_qs(body.decode("latin-1")).items()}, False
    try:
        form = msgspec.json.decode(body)
    except msgspec.DecodeError:
        form = None
    if not isinstance(form, dict):
        raise Invalid('Send {"altcha": SOLUTION}.')
    return {str(name): value for name, value in form.items() if isinstance(value, str)}, True


def _json(status: int, document: Any) -> WebReply:
    fields = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    return WebReply(status, fields, json.dumps(document).encode())

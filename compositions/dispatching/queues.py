"""Messages of an SQS queue as intents: received, committed, and only then deleted from the queue.

A message that comes twice - its deletion was lost, or the process died in between - is one intent: its id is its
Idempotency-Key, unless it carries one as an attribute of that name. What the pipe does not take becomes a dead letter
with the reason, so that it neither blocks the queue nor is lost. A full backlog leaves messages where they are.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError, transaction

from compositions.intake import keys, rows
from compositions.intake.rows import Offer
from compositions.intake.terms import Terms
from compositions.models import Intent
from compositions.models.intents import IntentStatus
from controlplane.aws import clients
from controlplane.aws.errors import AwsProblem
from controlplane.aws.plans import Call
from controlplane.kernel import clock
from controlplane.kernel.backoffice import said
from controlplane.kernel.errors import Problem

AT_ONCE: Final = 10  # what SQS gives at most
POLL_S: Final = 10
FULL_S: Final = 1.0
AWAY_S: Final = 5.0
ATTRIBUTE: Final = "Idempotency-Key"
_REGION: Final = re.compile(r"^https://sqs\.([a-z0-9-]+)\.amazonaws\.com")

Message = Mapping[str, Any]
Ask = Callable[..., Awaitable[Any]]

log = structlog.get_logger(__name__)


class QueueSource:
    """The queue of one pipe, for as long as this process starts the pipe. `ask` runs a function where a database is."""

    def __init__(self, slug: str, body: Mapping[str, Any], ask: Ask) -> None:
        self.url: str = body["source"]["queue_url"]
        self.terms = Terms(slug, body)
        self._ask = ask
        self._line = ThreadPoolExecutor(1, f"queue-{slug}")

    async def run(self) -> None:
        """Until cancelled. A message under way then comes again when its visibility timeout is over."""
        try:
            while True:
                wait_s = await self.look()
                await asyncio.sleep(wait_s)
        finally:
            self._line.shutdown(wait=False, cancel_futures=True)

    async def look(self, wait_s: int = POLL_S) -> float:
        """Take over what the queue gives now; seconds until it is worth looking again."""
        try:
            room = self.terms.max_backlog - await self._ask(rows.waiting, self.terms.slug, self.terms.max_backlog)
            if room <= 0:
                return FULL_S
            messages = await self._call(receive, self.url, min(room, AT_ONCE), wait_s)
            if messages:
                kept = await self._ask(keep, self.terms, messages)
                await self._call(delete, self.url, kept)
        except AwsProblem as problem:
            log.warning("queue_away", pipe=self.terms.slug, queue=self.url, error=str(problem))
            return AWAY_S
        except (DatabaseError, InterfaceError) as error:
            log.warning("messages_not_kept", pipe=self.terms.slug, error=str(error).strip())
            return AWAY_S
        return 0.0

    async def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._line, function, *args)


def receive(url: str, most: int, wait_s: int) -> list[Message]:
    parameters = {
        "QueueUrl": url,
        "MaxNumberOfMessages": most,
        "WaitTimeSeconds": wait_s,
        "MessageAttributeNames": ["All"],
    }
    answer = clients.send(Call("sqs", "receive_message", parameters, region=_region(url)), patience="long")
    return list(answer.get("Messages", ()))


def delete(url: str, messages: Sequence[Message]) -> None:
    entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
    parameters = {"QueueUrl": url, "Entries": entries}
    clients.send(Call("sqs", "delete_message_batch", parameters, region=_region(url)))


def keep(terms: Terms, messages: Sequence[Message]) -> list[Message]:
    """Commit the messages as intents, once each; those that may be deleted now, which is all of them."""
    offers: list[Offer] = []
    refused: dict[str, str] = {}
    for message in messages:
        headers = _headers(message)
        try:
            offer = terms.offer(message["Body"].encode(), headers)
        except Problem as problem:
            offer = _refused(terms, message, headers)
            refused[offer.id] = said(problem)
        offers.append(offer)
    with transaction.atomic():
        there = rows.insert(offers, clock.now())
        for offer in offers:
            if offer.id not in there and (known := rows.kept(offer)) and known.fingerprint != offer.fingerprint:
                # The key was used with another body before: somebody must look at this one.
                lone = _alone(offer)
                there |= rows.insert([lone], clock.now())
                refused[lone.id] = "Its Idempotency-Key came with another body before."
        for intent in refused.keys() & there:
            dead = {"status": IntentStatus.DEAD, "reason": refused[intent][:500], "ended_at": clock.now()}
            Intent.objects.filter(pk=intent).update(**dead)
    return list(messages)


def _headers(message: Message) -> list[tuple[str, str]]:
    """A message's attributes stand for a request's headers."""
    attributes = message.get("MessageAttributes") or {}
    found = [(name.lower(), value["StringValue"]) for name, value in attributes.items() if "StringValue" in value]
    if not any(name == keys.NAME for name, _ in found):
        found.append((keys.NAME, f"sqs {message['MessageId']}"))
    return found


def _refused(terms: Terms, message: Message, headers: Sequence[tuple[str, str]]) -> Offer:
    """What the pipe does not take, as it came."""
    text = message["Body"]
    try:
        json.loads(text)
    except ValueError:
        text = json.dumps(text)
    key = keys.hashed(f"sqs {message['MessageId']}")
    return Offer(pipe=terms.slug, body=text.replace("\x00", ""), key_hash=key, fingerprint=key)


def _alone(offer: Offer) -> Offer:
    return Offer(pipe=offer.pipe, body=offer.body, headers=offer.headers, order_key=offer.order_key)


def _region(url: str) -> str:
    found = _REGION.match(url)
    return found[1] if found else ""

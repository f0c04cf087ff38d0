"""Messages of SQS queues become intents: received by long poll, committed, and only then deleted.

    receive -> offer (schema, key, order) -> insert, one commit for all of a receipt -> delete

A message that comes again, because a worker died between commit and delete, is known by its id (or by its attribute
Idempotency-Key, which also tells a sender's own repetition) and is only deleted. One that the pipe does not take stays
in the queue, whose redrive policy puts it among its dead letters. While the backlog is full nothing is received: the
queue keeps it.
"""

from __future__ import annotations

import threading
from typing import Any, Literal

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from compositions.documents.pipes import document
from compositions.models import Pipe
from compositions.models.pipes import SourceType
from controlplane.aws import clients
from controlplane.aws.errors import AwsProblem
from controlplane.aws.plans import Call
from controlplane.kernel import clock, valkey
from controlplane.kernel.errors import Problem

from . import keys, rows
from .terms import Offer, Terms

WAIT_S = 10
AT_ONCE = 10  # as many as SQS gives
KEPT_S = 60

log = structlog.get_logger("switchgear.intake")

Message = dict[str, Any]
Told = tuple[Literal["ok", "warning", "down"], str, Any]


def take(pipe: Pipe, *, wait_s: int = WAIT_S) -> int:
    """Receive once and accept what came; how many messages came. Raises AwsProblem or DatabaseError."""
    terms = Terms(pipe.slug, document(pipe))
    if rows.waiting(pipe.slug, terms.max_backlog) >= terms.max_backlog:
        return 0
    wanted = {"MaxNumberOfMessages": AT_ONCE, "WaitTimeSeconds": wait_s, "MessageAttributeNames": ["All"]}
    received = clients.send(_call(pipe, "receive_message", **wanted), patience="long").get("Messages", [])
    offers = {message["ReceiptHandle"]: offer for message in received if (offer := _offer(terms, message)) is not None}
    if offers:
        there = rows.insert(list(offers.values()), clock.now())
        done = [handle for handle, offer in offers.items() if offer.id in there or _is_known(offer)]
        _delete(pipe, done)
    return len(received)


def _offer(terms: Terms, message: Message) -> Offer | None:
    """The intent that a message asks for; None for one that the pipe does not take, which stays where it is."""
    attributes = message.get("MessageAttributes", {})
    headers = [
        (name.lower(), str(value["StringValue"])) for name, value in attributes.items() if "StringValue" in value
    ]
    if not any(name == keys.NAME for name, _ in headers):
        headers.append((keys.NAME, message["MessageId"]))
    try:
        return terms.offer(message.get("Body", "").encode(), headers, caller="sqs")
    except Problem as problem:
        why = problem.detail or problem.title
        log.warning("message_not_taken", pipe=terms.slug, message=message["MessageId"], why=why)
        return None


def _is_known(offer: Offer) -> bool:
    """Whether the same was accepted before. A key that came with another body then stands for something else."""
    known = rows.kept(offer)
    if known is not None and known.fingerprint != offer.fingerprint:
        log.warning("message_not_taken", pipe=offer.pipe, intent=known.id, why="its key came with another body before")
        return False
    return known is not None


def _delete(pipe: Pipe, handles: list[str]) -> None:
    """What is not deleted comes again, and is known then."""
    if not handles:
        return
    entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(handles)]
    failed = clients.send(_call(pipe, "delete_message_batch", Entries=entries)).get("Failed", [])
    if failed:
        log.warning("messages_not_deleted", pipe=pipe.slug, messages=len(failed), why=failed[0].get("Message", ""))


def _call(pipe: Pipe, operation: str, **parameters: Any) -> Call:
    """In the region that the queue's address names, if it is one of AWS's."""
    host = pipe.queue_url.partition("//")[2].partition("/")[0].split(".")
    region = host[1] if host[0] == "sqs" and len(host) > 3 else ""
    return Call("sqs", operation, {"QueueUrl": pipe.queue_url, **parameters}, region=region)


# Beside the tasks of a worker -----------------------------------------------------------------------------------------


class Takers:
    """A thread for each pipe with a queue, so that a long poll holds up nothing. It ends when nothing came."""

    def __init__(self, wait_s: int = WAIT_S) -> None:
        self._wait_s = wait_s
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """See to it that every queue is listened to."""
        for pipe in Pipe.objects.filter(source_type=SourceType.SQS):
            with self._lock:
                if pipe.slug in self._running:
                    continue
                self._running.add(pipe.slug)
            threading.Thread(target=self._run, args=[pipe], name=f"queue-{pipe.slug}", daemon=True).start()

    def _run(self, pipe: Pipe) -> None:
        try:
            close_old_connections()
            while take(pipe, wait_s=self._wait_s):
                pipe.refresh_from_db()
            _note(pipe.slug, "")
        except (AwsProblem, DatabaseError, Pipe.DoesNotExist) as error:
            log.warning("queue_not_taken", pipe=pipe.slug, error=str(error))
            _note(pipe.slug, str(error))
        except Exception as error:  # health must say so, whatever it is
            log.exception("queue_not_taken", pipe=pipe.slug)
            _note(pipe.slug, f"{type(error).__name__}: {error}")
        finally:
            connection.close()
            with self._lock:
                self._running.discard(pipe.slug)


takers = Takers()


# What is told -------------------------------------------------------------------------------------------------------


def _note(slug: str, error: str) -> None:
    """How the last attempt went, for whoever asks another process. It lapses when nobody tries any more."""
    try:
        client, key = valkey.shared(), valkey.named("queue", slug)
        client.set(key, error[:500], ex=KEPT_S)
    except valkey.Away:
        return


def health(fleet: list[dict[str, Any]] | None) -> dict[str, Told]:
    """An entry of HEALTH_SOURCES: queues that cannot be taken from. Nothing is said where no pipe has one."""
    try:
        slugs = list(Pipe.objects.filter(source_type=SourceType.SQS).values_list("slug", flat=True))
        if not slugs or fleet is None:
            return {}
        if not settings.AWS_CONFIGURED:
            told = f"AWS is not configured, so nothing is taken for {', '.join(slugs)}. Set AWS_REGION."
            return {"queues": ("warning", told, None)}
        noted: Any = valkey.shared().mget([valkey.named("queue", slug) for slug in slugs])
    except (DatabaseError, *valkey.Away):
        return {}
    failing = [f"{slug} ({error.decode()})" for slug, error in zip(slugs, noted, strict=True) if error]
    if failing:
        return {"queues": ("warning", f"nothing is taken from the queues of {'; '.join(failing)}", len(failing))}
    return {"queues": ("ok", f"taken from for {', '.join(slugs)}", 0)}

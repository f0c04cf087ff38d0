"""Intents on their way into the database: many rows in one statement, which is one commit."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from compositions.models import Intent
from compositions.models.intents import IntentStatus

from .ids import new_id


class Offer(msgspec.Struct):
    """An intent that is to be accepted. `id` is given when it is first tried, and kept when it must be tried again."""

    pipe: str
    body: str
    consumer: str = ""
    key_hash: str = ""
    fingerprint: str = ""
    headers: str = ""
    order_key: str = ""
    max_backlog: int = 100_000
    id: str = msgspec.field(default_factory=new_id)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.pipe, self.consumer, self.key_hash


class Kept(NamedTuple):
    """The intent that a key already stands for."""

    id: str
    fingerprint: str


_GIVEN = ("id", "pipe", "accepted_at", "consumer", "key_hash", "fingerprint", "body", "headers", "order_key")
_CONSTANT = {
    "status": f"'{IntentStatus.ACCEPTED.value}'",
    "held": "FALSE",
    "owner": "''",
    "attempts": "0",
    "execution": "''",
    "outcome": "''",
    "reason": "''",
}
_ROW = f"({', '.join(['%s'] * len(_GIVEN))}, {', '.join(_CONSTANT.values())})"
_INTO = f"INSERT INTO {Intent._meta.db_table} ({', '.join((*_GIVEN, *_CONSTANT))}) VALUES "


def insert(offers: Sequence[Offer], now: datetime) -> set[str]:
    """Commit those that are not there yet; ids of those that are in the database now, this time or from an earlier try.

    A row whose key stands for another intent is left out, also when another process is committing that at this moment.
    """
    accepted_at = connection.ops.adapt_datetimefield_value(now)
    values: list[Any] = []
    # In the order of their keys: two processes that commit the same keys must not wait for each other in a circle.
    for offer in sorted(offers, key=lambda each: each.key_hash):
        values += (
            offer.id,
            offer.pipe,
            accepted_at,
            offer.consumer,
            offer.key_hash,
            offer.fingerprint,
            offer.body,
            offer.headers,
            offer.order_key,
        )
    with connection.cursor() as cursor:
        cursor.execute(_INTO + ", ".join([_ROW] * len(offers)) + " ON CONFLICT DO NOTHING", values)
        written = cursor.rowcount
    ids = {offer.id for offer in offers}
    if written == len(offers):
        return ids
    return set(Intent.objects.filter(pk__in=ids).values_list("pk", flat=True))


def kept(offer: Offer) -> Kept | None:
    """The intent that an offer's key stands for already."""
    found = Intent.objects.filter(pipe=offer.pipe, consumer=offer.consumer, key_hash=offer.key_hash)
    row = found.values_list("id", "fingerprint").first()
    return None if row is None else Kept(*row)


def waiting(pipe: str, most: int) -> int:
    """How many intents of a pipe wait, counted up to `most`."""
    rows = Intent.objects.filter(pipe=pipe, status=IntentStatus.ACCEPTED).order_by()
    return rows.values("pk")[:most].count()


def present(ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What is told of each of these intents."""
    fields = ("id", "pipe", "status", "accepted_at", "ended_at", "outcome")
    return {row["id"]: row for row in Intent.objects.filter(pk__in=list(ids)).values(*fields)}

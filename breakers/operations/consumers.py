"""Registering, changing and removing consumers."""

from typing import Any

from breakers.documents import checking
from breakers.documents.consumers import ConsumerShape, document
from breakers.documents.defaults import Document
from breakers.models import Consumer
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, NotFound

NAMED = 3  # of the keys that keep a consumer


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Consumer, bool]:
    """Make the consumer `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(ConsumerShape, slug, data)
    with change(by=by, action="consumer.put", subject=f"consumer:{slug}", reason=reason) as made:
        row = Consumer.objects.filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Consumer(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Consumer:
    """Lay `data` over the consumer's document (RFC 7396)."""
    with change(by=by, action="consumer.patch", subject=f"consumer:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(ConsumerShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """Remove a consumer that has no key. Raises Conflict that names its keys. What it used stays in the counts."""
    with change(by=by, action="consumer.delete", subject=f"consumer:{slug}", reason=reason) as made:
        row = find(slug)
        keys = list(row.keys.order_by("-created_at").values_list("id", "prefix"))
        if keys:
            names = ", ".join(f"{key_id} ({prefix}…)" for key_id, prefix in keys[:NAMED])
            more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
            raise Conflict(
                f"Consumer {slug} has keys: {names}{more}. Revoke and delete them first.",
                used_by=[{"kind": "key", "slug": key_id} for key_id, _ in keys[:100]],
            )
        made.note(document(row), None)
        row.delete()


def find(slug: str) -> Consumer:
    row = Consumer.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no consumer {slug!r}.")
    return row


def _write(row: Consumer, stated: Document) -> Consumer:
    row.title = stated.get("title", "")
    row.contact = stated.get("contact", "")
    row.tags = stated.get("tags", [])
    row.save()
    return row

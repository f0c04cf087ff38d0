"""Rows of the audit. Entries are written once, by `controlplane.audit.chain.record`, and never changed or deleted."""

from __future__ import annotations

import json
from typing import Any, Self

from django.db import models

GENESIS = "0" * 64


class AppendOnly(TypeError):
    """Somebody tried to change or delete what may only be added."""


class EntrySet(models.QuerySet["AuditEntry"]):
    """A queryset without update and delete."""

    def update(self, **values: Any) -> int:
        raise AppendOnly("Audit entries are never changed.")

    def bulk_update(self, *args: Any, **options: Any) -> int:
        raise AppendOnly("Audit entries are never changed.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Audit entries are never deleted.")

    def about(self, subject: str) -> Self:
        """Entries about one subject ("target:catalog"), or about one kind ("target:")."""
        return self.filter(subject__startswith=subject) if subject.endswith(":") else self.filter(subject=subject)


class AuditChain(models.Model):
    """One row: the newest entry's number and hash. Its lock makes writers queue, so the chain has no forks."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_chain")]

    def __str__(self) -> str:
        return f"chain at entry {self.number}"


class AuditEntry(models.Model):
    """One act. `before` and `after` are canonical JSON as text: what was hashed is what is kept, on any database."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=200)
    by_kind = models.CharField(max_length=10)
    by_user_id = models.BigIntegerField(null=True)
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=300, db_index=True)
    reason = models.TextField(blank=True)
    before_json = models.TextField(default="null")
    after_json = models.TextField(default="null")
    request_id = models.CharField(max_length=64, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    objects = EntrySet.as_manager()

    class Meta:
        ordering = ["-number"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"#{self.number} {self.by}: {self.action} {self.subject}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Audit entries are never changed.")
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly("Audit entries are never deleted.")

    @property
    def before(self) -> Any:
        return json.loads(self.before_json)

    @property
    def after(self) -> Any:
        return json.loads(self.after_json)

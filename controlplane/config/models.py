"""Rows of the configuration: the head everybody locks, its numbered versions, their pieces, and revisions of nouns."""

from __future__ import annotations

from django.db import models


class ConfigHead(models.Model):
    """One row. Whoever changes configuration holds its lock from before the change until the version is written."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="config_one_head")]

    def __str__(self) -> str:
        return f"head at version {self.number}"


class ConfigVersion(models.Model):
    """An immutable version: which piece (by digest) stands for which noun."""

    number = models.PositiveBigIntegerField(primary_key=True)
    manifest = models.JSONField()
    created_at = models.DateTimeField()
    by = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=300)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"version {self.number}: {self.action} {self.subject}"


class ConfigPiece(models.Model):
    """One compiled body, stored once however many versions name it."""

    digest = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=50)
    slug = models.CharField(max_length=200)
    body = models.JSONField()

    def __str__(self) -> str:
        return f"{self.kind}/{self.slug} {self.digest[:8]}"


class Revision(models.Model):
    """What a configurable noun looked like after its n-th change; the newest number is the noun's ETag."""

    kind = models.CharField(max_length=50)
    slug = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    body = models.JSONField(null=True, help_text="The document after the change; null when it was deleted.")
    created_at = models.DateTimeField()
    by = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["kind", "slug", "-number"]
        constraints = [models.UniqueConstraint(fields=["kind", "slug", "number"], name="config_revision_number")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.slug} revision {self.number}"

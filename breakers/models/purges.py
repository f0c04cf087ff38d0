"""Purges of kept answers that still count: which answers, and before which time they were asked for."""

from django.db import models


class Purge(models.Model):
    """One mark of the configuration document (`breakers.core.purges.Mark`); a later purge of the same replaces it."""

    name = models.CharField(max_length=64, unique=True, help_text="Digest of what it is about.")
    mark = models.JSONField()
    at = models.DateTimeField(help_text="Answers to calls that began before stand no more.")
    bounded = models.BooleanField(help_text="About one of the targets and routes, of which there are only so many.")

    class Meta:
        ordering = ["at", "name"]

    def __str__(self) -> str:
        return f"purge before {self.at:%Y-%m-%d %H:%M:%S}"

"""Compositions: workflows that an operator keeps, and every definition that each of them ever had."""

from django.db import models

from breakers.models.fields import SlugField, WordsField
from breakers.models.targets import between

LONGEST_EXPRESS_MS = 300_000  # five minutes, as an Express workflow of AWS


class WorkflowType(models.TextChoices):
    EXPRESS = "EXPRESS", "EXPRESS: runs in memory, answers at once"
    STANDARD = "STANDARD", "STANDARD: every step is journalled, may last as long as it must"


class Composition(models.Model):
    """One workflow in Amazon States Language, as its author wrote it."""

    slug = SlugField(unique=True, help_text="Name in routes, pipes and logs. Cannot be changed later.")
    title = models.CharField(max_length=200, blank=True, help_text="Shown on pages. Empty: the slug.")
    description = models.TextField(max_length=4000, blank=True, help_text="What it is for.")
    tags = WordsField(blank=True, default=list, help_text="Words to find it by, separated by commas.")
    type = models.CharField(
        max_length=8,
        choices=WorkflowType.choices,
        default=WorkflowType.EXPRESS,
        help_text="EXPRESS calls stand behind routes; STANDARD executions are started by pipes or by hand.",
    )
    definition = models.TextField(help_text="Amazon States Language, in JSON. Kept as it is written.")
    digest = models.CharField(max_length=64, editable=False, help_text="Of the definition, whatever its layout.")
    version = models.PositiveIntegerField(editable=False, help_text="Number of the definition that stands.")
    deadline_ms = models.PositiveIntegerField(
        "deadline (ms)",
        null=True,
        blank=True,
        validators=between(1, LONGEST_EXPRESS_MS),
        help_text="EXPRESS: the longest that a run may take. Empty: 10 seconds. STANDARD has none.",
    )
    max_stale_s = models.FloatField(
        "oldest answer (s)",
        null=True,
        blank=True,
        validators=between(0, 31_536_000),
        help_text="A run fails rather than use a kept answer older than this. Empty: as each target says.",
    )
    meta = models.BooleanField(
        "tells where answers come from",
        default=False,
        help_text="The answer names under _meta the source and age of what it is made of.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was made.")
    updated_at = models.DateTimeField(auto_now=True, help_text="When it was last changed.")

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title or self.slug


class CompositionVersion(models.Model):
    """A definition that a composition has or had; it never changes, and it outlives the composition.

    Executions name it by slug and number, so numbers are not given twice, not even after a deletion.
    """

    composition = SlugField(help_text="Slug of the composition.")
    number = models.PositiveIntegerField(help_text="From 1, in the order of changes.")
    type = models.CharField(max_length=8, choices=WorkflowType.choices, help_text="Type of workflow at that time.")
    definition = models.TextField(help_text="As its author wrote it.")
    digest = models.CharField(max_length=64, help_text="Of the definition, whatever its layout.")
    by = models.CharField(max_length=200, help_text="Who wrote it.")
    reason = models.TextField(blank=True, help_text="Why.")
    created_at = models.DateTimeField(help_text="Since when it stood.")

    class Meta:
        ordering = ["composition", "-number"]
        constraints = [models.UniqueConstraint(fields=["composition", "number"], name="composition_version_number")]

    def __str__(self) -> str:
        return f"{self.composition} version {self.number}"

"""Runs of compositions behind routes: figures by minute, and the stories of those worth a look. Bodies are not kept."""

from django.db import models

from breakers.models.fields import SlugField


class Why(models.TextChoices):
    FAILED = "failed", "failed: it gave no answer"
    PARTIAL = "partial", "partial: a part was missing or stood in for"
    SLOW = "slow", "slow: longer than 99 of 100 others"
    SAMPLE = "sample", "sample: one of many that were quick and whole"


class CompositionRun(models.Model):
    """One run that was worth keeping, or one of many that went well. It outlives its composition."""

    composition = SlugField(db_index=False, help_text="Slug of the composition.")
    version = models.PositiveIntegerField(help_text="Number of the definition that ran.")
    at = models.DateTimeField(help_text="When it began.")
    ms = models.FloatField("took (ms)", help_text="From the start to its answer.")
    status = models.CharField(max_length=20, help_text="SUCCEEDED, FAILED or TIMED_OUT.")
    complete = models.BooleanField(help_text="Nothing was missing in the answer: X-Completed.")
    why = models.CharField("kept because", max_length=10, choices=Why.choices, help_text="Why it is kept.")
    error = models.CharField(max_length=200, blank=True, help_text="Name of the error that ended it.")
    cause = models.TextField(blank=True, help_text="What the error said.")
    calls = models.JSONField(default=list, help_text="What it called: state, target, source, circuit, time.")
    calls_left_out = models.PositiveIntegerField(default=0, help_text="Calls beyond those that are kept.")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["composition", "-at"], name="run_by_composition")]

    def __str__(self) -> str:
        return f"{self.composition} at {self.at:%Y-%m-%d %H:%M:%S}: {self.status}"


class RunMinute(models.Model):
    """All runs of one composition within one minute, in figures (compositions.runs.figures)."""

    composition = SlugField(db_index=False, help_text="Slug of the composition.")
    at = models.DateTimeField(help_text="When the minute began.")
    figures = models.JSONField(default=list, help_text="Counts of runs and calls, then a histogram of run times.")

    class Meta:
        ordering = ["-at", "composition"]
        constraints = [models.UniqueConstraint(fields=["composition", "at"], name="run_minute_once")]

    def __str__(self) -> str:
        return f"{self.composition} in the minute from {self.at:%Y-%m-%d %H:%M}"

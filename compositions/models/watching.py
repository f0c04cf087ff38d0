"""What people keep of the list of executions: views of their own; and acts on many at once, with how far they are."""

from django.db import models


class SavedView(models.Model):
    """A filter of the list of executions under a name, one person's or everybody's."""

    name = models.CharField(max_length=80, help_text="Shown above the list.")
    query = models.CharField(max_length=1000, help_text="The filter as it stands in the list's address.")
    owner = models.CharField(max_length=200, help_text="Who keeps it.")
    shared = models.BooleanField(default=False, help_text="Whether everybody sees it.")
    created_at = models.DateTimeField(auto_now_add=True, help_text="When it was kept.")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name")]

    def __str__(self) -> str:
        return self.name


class BulkAct(models.TextChoices):
    STOP = "stop", "stop"
    REDRIVE = "redrive", "redrive from the failed step"
    TAKE_UP = "take_up", "take dead letters up again"


class BulkRun(models.Model):
    """One act on every execution, or dead letter of a pipe, that was found when it was ordered; the oldest first.

    It is worked off in batches. `cursor` is the id of the last that was looked at: a worker that dies loses nothing but
    its batch.
    """

    act = models.CharField(max_length=10, choices=BulkAct.choices, help_text="What is done to each.")
    query = models.CharField(
        max_length=1000, blank=True, help_text="The filter that chose them; of dead letters, their pipe."
    )
    newest = models.CharField(max_length=32, help_text="What came later is not touched.")
    cursor = models.CharField(max_length=33, blank=True, help_text="Everything up to here has been looked at.")
    total = models.PositiveIntegerField(help_text="How many were chosen.")
    done = models.PositiveIntegerField(default=0, help_text="How many were acted on.")
    refused = models.PositiveIntegerField(default=0, help_text="How many had moved on by themselves meanwhile.")
    reason = models.CharField(max_length=500, help_text="Why, in the operator's words.")
    by = models.CharField(max_length=200, help_text="Who ordered it.")
    by_kind = models.CharField(max_length=10, help_text="A user, a token or the product itself.")
    by_id = models.IntegerField(null=True, blank=True, help_text="The user behind it.")
    ordered_at = models.DateTimeField(help_text="When it was ordered.")
    touched_at = models.DateTimeField(help_text="When a worker last went on with it.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When all were looked at.")

    class Meta:
        ordering = ["-ordered_at", "-pk"]
        indexes = [
            models.Index(fields=["touched_at"], name="bulkrun_open", condition=models.Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.done} of {self.total}"

    @property
    def pipe(self) -> str:
        """Whose dead letters are taken up; empty for an act on executions."""
        return self.query if self.act == BulkAct.TAKE_UP else ""

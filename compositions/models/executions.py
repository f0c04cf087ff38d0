"""Durable executions: how each stands, what has happened in it, who waits outside for it, and who carries it on."""

from django.db import models

from breakers.models.fields import SlugField

KEY = 32  # characters of an execution's id, at most


class ExecutionStatus(models.TextChoices):
    RUNNING = "RUNNING", "running"
    SUCCEEDED = "SUCCEEDED", "succeeded"
    PARTIAL = "PARTIAL", "succeeded in part: an error was caught on the way"
    FAILED = "FAILED", "failed"
    TIMED_OUT = "TIMED_OUT", "timed out"
    ABORTED = "ABORTED", "stopped by an operator"
    DEAD = "DEAD", "given up after too many failures"
    COMPENSATION_FAILED = "COMPENSATION_FAILED", "undoing failed: somebody must look"


class WhenOpen(models.TextChoices):
    HOLD = "hold", "hold: wait at the step until the circuit closes"
    FAIL = "fail", "fail: raise Breaker.Open, which a Catch may take"


class Execution(models.Model):
    """One run of a STANDARD composition.

    Exactly one of these holds while it is RUNNING: a worker owns it (`owner`); it is due at `wake_at`; or it waits for
    something to happen outside (`wake_at` is null): a circuit (`parked_on`), a task's token, a child's end.
    `fence` rises whenever it changes hands: what an earlier owner still writes is refused. `signals` rises whenever
    something that it may wait for has happened.
    """

    id = models.CharField(max_length=KEY, primary_key=True, help_text="Sorts by the time of its start.")
    composition = SlugField(help_text="Slug of the composition.")
    version = models.PositiveIntegerField(help_text="The definition that it began with and keeps.")
    name = models.CharField(max_length=80, blank=True, help_text="Given by whoever started it.")
    status = models.CharField(max_length=20, choices=ExecutionStatus.choices, default=ExecutionStatus.RUNNING)
    input = models.TextField(help_text="JSON.")
    metadata = models.TextField(blank=True, help_text="JSON that the context object shows beside the input.")
    output = models.TextField(blank=True, help_text="JSON, once it has succeeded.")
    error = models.CharField(max_length=200, blank=True, help_text="Name of the error that it ended with.")
    cause = models.TextField(blank=True, help_text="What was behind the error.")
    when_open = models.CharField(max_length=4, choices=WhenOpen.choices, default=WhenOpen.HOLD)
    priority = models.SmallIntegerField(default=0, help_text="Higher goes first.")
    most_parks = models.PositiveSmallIntegerField(
        default=0, help_text="How often a step that failed may be tried again later before the execution is DEAD."
    )
    pipe = models.CharField(max_length=63, blank=True, help_text="Slug of the pipe that started it.")
    intent = models.CharField(max_length=KEY, blank=True, help_text="The intent that it serves.")
    parent = models.CharField(max_length=KEY, blank=True, help_text="The execution that started it.")
    parent_waits = models.BooleanField(default=False, help_text="Whether its parent waits for its end.")
    started_by = models.CharField(max_length=200, blank=True, help_text="Who started it.")
    started_at = models.DateTimeField(help_text="When it was started.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it ended.")

    fence = models.PositiveIntegerField(default=0, help_text="Rises whenever it changes hands.")
    owner = models.CharField(max_length=64, blank=True, help_text="The worker that carries it on now.")
    wake_at = models.DateTimeField(null=True, blank=True, help_text="When a worker is to take it up.")
    signals = models.PositiveIntegerField(default=0, help_text="How often something outside has called for it.")
    parked_on = models.CharField(max_length=63, blank=True, help_text="Target that it waits for.")
    parked_why = models.CharField(max_length=500, blank=True, help_text="Why it waits, in words.")
    parked_at = models.DateTimeField(null=True, blank=True, help_text="Since when it waits there.")
    park_count = models.PositiveIntegerField(default=0, help_text="How often a step of it failed and was put off.")
    trial_count = models.PositiveIntegerField(default=0, help_text="How often a call of it was a trial that failed.")
    caught = models.BooleanField(default=False, help_text="Whether a Catch was taken.")
    calls_done = models.PositiveIntegerField(default=0, help_text="Calls that succeeded before any Catch.")
    calls_undone = models.PositiveIntegerField(default=0, help_text="Calls made after a Catch, to put things right.")
    redrive_count = models.PositiveIntegerField(default=0, help_text="How often it was taken up again after its end.")
    seed = models.CharField(max_length=32, help_text="What random numbers of this execution are drawn from.")

    class Meta:
        ordering = ["-id"]
        # Partial and by plain comparisons, which both databases recognise in a query's own words.
        indexes = [
            models.Index(fields=["wake_at"], name="execution_due", condition=models.Q(wake_at__isnull=False)),
            models.Index(
                fields=["wake_at"], name="execution_urgent", condition=models.Q(wake_at__isnull=False, priority__gt=0)
            ),
            models.Index(fields=["owner"], name="execution_owner", condition=models.Q(owner__gt="")),
            models.Index(
                fields=["parked_on", "id"],
                name="execution_parked",
                condition=models.Q(wake_at__isnull=True) & models.Q(parked_on__gt=""),
            ),
            models.Index(fields=["composition", "status", "-id"], name="execution_composition"),
            models.Index(fields=["status", "-id"], name="execution_status"),
            models.Index(fields=["pipe", "status", "-id"], name="execution_pipe", condition=models.Q(pipe__gt="")),
            models.Index(fields=["intent"], name="execution_intent", condition=models.Q(intent__gt="")),
            models.Index(fields=["parent"], name="execution_parent", condition=models.Q(parent__gt="")),
            models.Index(fields=["ended_at"], name="execution_ended", condition=models.Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.composition} {self.id}"


class JournalEntry(models.Model):
    """What one commit told of an execution: a list of happenings, each with its place in the definition.

    Journal and event history are the same rows. Happenings are found by place, never by `number`, which is only their
    order. Numbers below zero are told after the fact: results that came too late.
    """

    pk = models.CompositePrimaryKey("execution", "number")
    execution = models.CharField(max_length=KEY)
    number = models.IntegerField()
    at = models.DateTimeField(help_text="When it was written.")
    begins = models.BooleanField(default=False, help_text="Whether a resumed run may start from what is told here.")
    told = models.TextField(help_text="JSON: a list of happenings.")

    class Meta:
        ordering = ["execution", "number"]
        verbose_name_plural = "journal entries"

    def __str__(self) -> str:
        return f"{self.execution} {self.number}"


class TaskStatus(models.TextChoices):
    WAITING = "WAITING", "waiting"
    SUCCEEDED = "SUCCEEDED", "succeeded"
    FAILED = "FAILED", "failed"
    TIMED_OUT = "TIMED_OUT", "timed out"
    CANCELLED = "CANCELLED", "no longer wanted"


class TaskToken(models.Model):
    """A step that waits until somebody outside gives its result: a person at the inbox, or a system with the token."""

    token = models.CharField(max_length=64, primary_key=True)
    execution = models.CharField(max_length=KEY, db_index=True)
    place = models.TextField(help_text="JSON: where in the definition it waits.")
    state = models.CharField(max_length=80, help_text="Name of the state that waits.")
    composition = SlugField(help_text="Slug of the composition.")
    resource = models.CharField(max_length=500, help_text="What was called with the token.")
    manual = models.BooleanField(default=False, help_text="Whether it waits for a person: these are in the inbox.")
    status = models.CharField(max_length=10, choices=TaskStatus.choices, default=TaskStatus.WAITING)
    title = models.CharField(max_length=200, blank=True, help_text="What is to be done, in short.")
    details = models.TextField(blank=True, help_text="JSON: what the step was given.")
    form = models.TextField(blank=True, help_text="JSON Schema of the answer.")
    assignee = models.CharField(max_length=200, blank=True, help_text="Who has taken it.")
    created_at = models.DateTimeField(help_text="Since when it waits.")
    due_at = models.DateTimeField(null=True, blank=True, help_text="By when it should be done.")
    timeout_at = models.DateTimeField(null=True, blank=True, help_text="When its step gives up.")
    heartbeat_s = models.FloatField(null=True, blank=True, help_text="The longest silence that its step bears.")
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="When the silence is too long.")
    output = models.TextField(blank=True, help_text="JSON: the result.")
    error = models.CharField(max_length=256, blank=True)
    cause = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who gave the result.")

    class Meta:
        ordering = ["due_at", "created_at"]
        indexes = [
            models.Index(fields=["manual", "status", "-created_at"], name="tasktoken_inbox"),
            models.Index(fields=["status", "due_at"], name="tasktoken_due"),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.state} of {self.execution}"


class SagaWorker(models.Model):
    """A process that carries executions on. When its lease lapses, others take over what it owned."""

    id = models.CharField(max_length=64, primary_key=True)
    host = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField(db_index=True, help_text="Until when it may go on without saying so again.")
    loaded = models.PositiveIntegerField(default=0, help_text="Executions in its memory.")
    takes_up = models.BooleanField(
        default=True, help_text="False: it carries only what it is given to try circuits with."
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id

"""Rate contracts: how many calls a provider has agreed to take."""

from django.db import models

from .targets import Target, between


class OnExhausted(models.TextChoices):
    REJECT = "reject", "reject: answer 503 with Retry-After"
    WAIT = "wait", "wait: hold the call until a slot is free"


class Contract(models.Model):
    """`limit` slots; each is busy from the moment it is taken until its call has settled plus `period_s`.

    The primary key names the ledger of slots, so it stays when the figures change.
    """

    target = models.ForeignKey(
        Target, models.CASCADE, related_name="contracts", help_text="The target whose provider made the promise."
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in which contracts are asked.")
    limit = models.PositiveIntegerField(
        validators=between(1, 100_000), help_text="Calls that the provider takes in each period, over all processes."
    )
    period_s = models.FloatField(
        "period (s)",
        validators=between(0.1, 86_400),
        help_text="Length of the sliding window in which the limit holds at the provider.",
    )
    on_exhausted = models.CharField(
        max_length=10,
        choices=OnExhausted.choices,
        default=OnExhausted.REJECT,
        help_text="What happens to a call when all slots are busy.",
    )
    max_wait_ms = models.PositiveIntegerField(
        "wait at most (ms)",
        default=500,
        validators=between(0, 60_000),
        help_text="With `wait`: a call that got no slot by then is refused with 503.",
    )
    created_at = models.DateTimeField(auto_now_add=True, help_text="When the promise was registered.")

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.limit} calls per {self.period_s:g} s"

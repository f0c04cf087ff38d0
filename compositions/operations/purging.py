"""Forgetting what was asked for, once it has ended for long enough: id, end, and the hash of its key remain.

So a key that comes again is answered as before, for ever, and the customer's data are gone.
"""

from datetime import datetime, timedelta

from compositions.models import Intent, Pipe
from compositions.models.intents import IntentStatus
from controlplane.kernel import clock

# Of pipes that are gone.
KEPT_DAYS = 30
AT_ONCE = 1000
MOST = 20_000


def purge(now: datetime | None = None, *, most: int = MOST) -> int:
    """Remove bodies and headers that are older than their pipe keeps them; how many. Dead letters keep theirs."""
    now = now or clock.now()
    kept = dict(Pipe.objects.values_list("slug", "retention_days"))
    least = min([*kept.values(), KEPT_DAYS])
    ended = Intent.objects.filter(ended_at__lt=now - timedelta(days=least), purged_at__isnull=True)
    ended = ended.exclude(status=IntentStatus.DEAD).order_by("ended_at")
    purged = 0
    for slug in sorted(set(ended.order_by().values_list("pipe", flat=True).distinct())):
        old = ended.filter(pipe=slug, ended_at__lt=now - timedelta(days=kept.get(slug, KEPT_DAYS)))
        while purged < most and (ids := list(old.values_list("pk", flat=True)[:AT_ONCE])):
            purged += Intent.objects.filter(pk__in=ids).update(body="", headers="", purged_at=now)
    return purged

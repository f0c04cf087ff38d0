"""Finding keys: by words, consumer, plan, tag and state, newest first; for lists, pages and exports alike."""

from datetime import datetime

import msgspec
from django.db.models import Q, QuerySet

from breakers.core.api_keys import LEADER, NAME_LENGTH, KeyState
from breakers.models import ApiKey
from breakers.operations import keys


class KeySearch(msgspec.Struct, frozen=True):
    """Empty fields ask for nothing. `q` looks in title, consumer, tags, id and prefix; a whole key finds itself."""

    q: str = ""
    consumer: str = ""
    plan: str = ""
    tag: str = ""
    state: str = ""

    def found(self, now: datetime) -> QuerySet[ApiKey]:
        rows = keys.rows().order_by("-created_at", "id")
        if self.q:
            rows = rows.filter(_words(self.q))
        if self.consumer:
            rows = rows.filter(consumer__slug=self.consumer)
        if self.plan:
            rows = rows.filter(plans__slug=self.plan)
        if self.tag:
            rows = rows.filter(tags__contains=f",{self.tag},")
        if self.state:
            rows = rows.filter(_in_state(KeyState(self.state), now))
        return rows


def _words(text: str) -> Q:
    if text.startswith(LEADER) and len(text) > len(LEADER) + NAME_LENGTH:
        return Q(prefix=text[: len(LEADER) + NAME_LENGTH])
    return (
        Q(title__icontains=text)
        | Q(consumer__slug__icontains=text)
        | Q(consumer__title__icontains=text)
        | Q(tags__icontains=text)
        | Q(id__startswith=text)
        | Q(prefix__startswith=text)
    )


def _in_state(state: KeyState, now: datetime) -> Q:
    """As `core.api_keys.state` decides it, in the words of the database."""
    revoked = Q(revoked_at__isnull=False)
    expired = Q(expires_at__isnull=False, expires_at__lte=now)
    rotated = Q(grace_until__isnull=False)
    over = Q(grace_until__isnull=False, grace_until__lte=now)
    match state:
        case KeyState.REVOKED:
            return revoked
        case KeyState.EXPIRED:
            return ~revoked & expired
        case KeyState.ROTATED:
            return ~revoked & ~expired & over
        case KeyState.GRACE:
            return ~revoked & ~expired & rotated & ~over
        case _:
            return ~revoked & ~expired & ~rotated

"""What the enabled actions want at AWS now: one want for each, by the level of what it follows."""

from breakers.dataplane import DataPlane
from breakers.hosting import hosted
from breakers.models import Action
from controlplane.aws.plans import Want

from . import KINDS
from .kinds import Held
from .levels import together


def wants() -> list[Want]:
    """An entry of AWS_PUBLISHERS. Raises NotKnown while levels cannot be known."""
    if not Action.objects.filter(enabled=True).exists():
        return []
    return wants_of(hosted("runner").plane)


def wants_of(plane: DataPlane) -> list[Want]:
    """The same, by the levels that `plane` knows."""
    actions = Action.objects.filter(enabled=True)
    return [want for action in actions if (want := want_of(action, plane)) is not None]


def want_of(action: Action, plane: DataPlane) -> Want | None:
    """None when the action leaves things alone at the present level, or what it follows is unknown yet."""
    level = together(plane, tuple(action.subjects))
    if level is None:
        return None
    value = action.when_open if level.stopped else action.when_closed
    if not value:
        return None
    held = Held(
        action.slug,
        action.title,
        tuple(action.subjects),
        action.name,
        value,
        action.account,
        action.region,
    )
    return KINDS[action.kind].want(held, level)

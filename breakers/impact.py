"""What would be hurt if a target went away: journeys, actions, alarms, and what the sources in IMPACT_SOURCES know."""

from typing import NamedTuple

from breakers.models import Journey
from breakers.models.actions import following
from breakers.models.alarms import opening
from controlplane.kernel import seams


class Dependent(NamedTuple):
    """A noun that refers to a target."""

    kind: str
    slug: str
    title: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"


def dependents(target: str) -> list[Dependent]:
    """Everything that refers to the target `target`. An impact source takes its slug and yields Dependents."""
    found = [
        Dependent("journey", slug, title)
        for slug, title in Journey.objects.filter(targets__slug=target).values_list("slug", "title")
    ]
    found += [Dependent("action", action.slug, action.title) for action in following(f"circuit:{target}")]
    found += [Dependent("alarm-source", source.slug, source.title) for source in opening(target)]
    for source in seams.sources("IMPACT_SOURCES"):
        found += source(target)
    return found

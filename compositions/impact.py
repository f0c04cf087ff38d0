"""What of the flow would be hurt if a target went away."""

from collections.abc import Iterator

from breakers.impact import Dependent
from compositions.models import Route


def routes(target: str) -> Iterator[Dependent]:
    """An impact source: the routes, enabled or not, that lead to the target `target`."""
    for route in Route.objects.filter(target__slug=target):
        yield Dependent("route", route.slug, route.title)

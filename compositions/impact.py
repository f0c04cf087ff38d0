"""What of the flow would be hurt if a target went away."""

from collections.abc import Iterator

from breakers.impact import Dependent
from compositions import neighbours
from compositions.models import Composition, Route
from compositions.reach import reach


def routes(target: str) -> Iterator[Dependent]:
    """An impact source: the routes, enabled or not, that lead to the target `target`, by a composition as well."""
    composed = _reaching(target)
    for route in Route.objects.filter(target__slug=target) | Route.objects.filter(composition__slug__in=composed):
        yield Dependent("route", route.slug, route.title)


def compositions(target: str) -> Iterator[Dependent]:
    """An impact source: the compositions that can reach the target, by one that they run as well."""
    for slug, title in Composition.objects.filter(slug__in=_reaching(target)).values_list("slug", "title"):
        yield Dependent("composition", slug, title)


def _reaching(target: str) -> list[str]:
    around = neighbours.around()
    return [slug for slug, each in around.compositions.items() if target in reach(each.definition, around).targets]

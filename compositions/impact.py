"""What of the flow would be hurt if a target went away."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from breakers.impact import Dependent
from compositions import neighbours
from compositions.models import Composition, Pipe, Route
from compositions.reach import reach


def routes(target: str) -> Iterator[Dependent]:
    """An impact source: the routes, enabled or not, that lead to the target `target`, by a composition as well."""
    composed = _reaching(target)
    piped = [pipe.slug for pipe in _pipes(composed)]
    leading = Q(target__slug=target) | Q(composition__slug__in=composed) | Q(pipe__slug__in=piped)
    for route in Route.objects.filter(leading):
        yield Dependent("route", route.slug, route.title)


def compositions(target: str) -> Iterator[Dependent]:
    """An impact source: the compositions that can reach the target, by one that they run as well."""
    for slug, title in Composition.objects.filter(slug__in=_reaching(target)).values_list("slug", "title"):
        yield Dependent("composition", slug, title)


def pipes(target: str) -> Iterator[Dependent]:
    """An impact source: the pipes whose workflow or enrichment can reach the target."""
    for pipe in _pipes(_reaching(target)):
        yield Dependent("pipe", pipe.slug, pipe.title)


def _pipes(composed: list[str]) -> QuerySet[Pipe]:
    return Pipe.objects.filter(Q(target__in=composed) | Q(enrichment__in=composed))


def _reaching(target: str) -> list[str]:
    around = neighbours.around()
    return [slug for slug, each in around.compositions.items() if target in reach(each.definition, around).targets]

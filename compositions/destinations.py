"""Where routes go, as pages show it and as their forms choose it."""

from typing import NamedTuple

from django.urls import reverse

from breakers.models import Target
from compositions.models import Composition, Pipe, Route
from compositions.models.compositions import WorkflowType


class Destination(NamedTuple):
    """What stands behind a route: how it is called, its page if it has one, and how a form names it."""

    title: str
    slug: str
    href: str
    value: str
    kind: str = "target"


def of(route: Route) -> Destination:
    if route.composition is not None:
        return _composition(route.composition)
    if route.pipe is not None:
        return _pipe(route.pipe)
    if route.target is not None:
        return _target(route.target)
    raise ValueError(f"Route {route.slug} leads nowhere.")


def groups() -> list[tuple[str, list[Destination]]]:
    """Everything that a route may go to, by kind."""
    answering = Composition.objects.filter(type=WorkflowType.EXPRESS)
    found = [
        ("Targets", [_target(row) for row in Target.objects.all()]),
        ("Compositions", [_composition(row) for row in answering]),
        ("Pipes", [_pipe(row) for row in Pipe.objects.all()]),
    ]
    return [group for group in found if group[1]]


def chosen(value: str) -> tuple[str, str]:
    """Type and slug of a destination by its value in a form; a target goes by its slug alone."""
    kind, _, slug = value.rpartition(":")
    return kind or "target", slug


def _target(row: Target) -> Destination:
    return Destination(str(row), row.slug, reverse("circuit", args=[row.slug]), row.slug)


def _composition(row: Composition) -> Destination:
    return Destination(
        str(row), row.slug, reverse("composition", args=[row.slug]), f"composition:{row.slug}", "composition"
    )


def _pipe(row: Pipe) -> Destination:
    return Destination(str(row), row.slug, reverse("pipe", args=[row.slug]), f"pipe:{row.slug}", "pipe")

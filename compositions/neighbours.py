"""Reads what stands around a definition from the database."""

from django.conf import settings

from breakers.models import Target
from compositions import definitions
from compositions.models import Composition
from compositions.surroundings import Neighbour, Surroundings


def around() -> Surroundings:
    """Targets and compositions as they are registered now."""
    rows = Composition.objects.values_list("slug", "type", "definition", "deadline_ms")
    return Surroundings(
        base_urls=dict(Target.objects.values_list("slug", "base_url")),
        compositions={
            slug: Neighbour(slug, workflow, definitions.read(text), deadline_ms)
            for slug, workflow, text, deadline_ms in rows
        },
        has_aws=bool(getattr(settings, "AWS_CONFIGURED", False)),
    )

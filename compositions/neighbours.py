"""Reads what stands around a definition from the database."""

from django.conf import settings

from breakers.models import Target
from compositions import texts
from compositions.callees import HTTP, NESTED
from compositions.models import Composition
from compositions.surroundings import Neighbour, Surroundings


def around() -> Surroundings:
    """Targets and compositions as they are registered now."""
    rows = Composition.objects.values_list("slug", "type", "definition", "deadline_ms")
    targets = list(Target.objects.values_list("slug", "base_url", "timeout_ms"))
    return Surroundings(
        base_urls={slug: base_url for slug, base_url, _ in targets},
        timeouts_s={slug: timeout_ms / 1000 for slug, _, timeout_ms in targets if timeout_ms},
        compositions={
            slug: Neighbour(slug, workflow, texts.read(text), deadline_ms) for slug, workflow, text, deadline_ms in rows
        },
        lacks=_lacks,
    )


def _lacks(resource: str) -> str | None:
    """What is missing here to serve a resource, with the remedy."""
    if resource == HTTP or resource in NESTED or getattr(settings, "AWS_CONFIGURED", False):
        return None
    return (
        f"{resource} is AWS's, and no AWS endpoint is configured: the task would fail. Set AWS_REGION, and "
        "AWS_ENDPOINT_URL for an endpoint of your own, or register the service as a target."
    )

"""Reads what stands around a definition from the database."""

from functools import lru_cache

from breakers.models import Target
from compositions import resources, texts
from compositions.asl.values import Json
from compositions.models import Composition
from compositions.surroundings import Neighbour, Service, Surroundings


def around() -> Surroundings:
    """Targets and compositions as they are registered now."""
    rows = Composition.objects.values_list("slug", "type", "definition", "deadline_ms")
    targets = list(Target.objects.values_list("slug", "base_url", "timeout_ms"))
    return Surroundings(
        base_urls={slug: base_url for slug, base_url, _ in targets},
        timeouts_s={slug: timeout_ms / 1000 for slug, _, timeout_ms in targets if timeout_ms},
        compositions={
            slug: Neighbour(slug, workflow, _read(text), deadline_ms) for slug, workflow, text, deadline_ms in rows
        },
        serves=_service,
    )


@lru_cache(maxsize=512)
def _read(text: str) -> Json:
    """Only looked at: it is asked for by every page and every compilation."""
    return texts.read(text)


def _service(resource: str) -> Service | None:
    known = resources.find(resource)
    return None if known is None else Service(known.standard_only, known.lacks())

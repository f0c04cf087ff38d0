"""A composition's definition as a value and as text: written, read, known by its digest."""

import json

from compositions.asl.values import Json
from controlplane.kernel import canonical


def written(definition: str | Json) -> str:
    """The text of a definition: its author's, or laid out where a value was given."""
    return definition if isinstance(definition, str) else json.dumps(definition, indent=2, ensure_ascii=False)


def read(definition: str | Json) -> Json:
    """The value of a definition that is known to be valid."""
    return json.loads(definition) if isinstance(definition, str) else definition


def digest(definition: Json) -> str:
    """The same for two definitions that differ in layout and in the order of members only."""
    return canonical.digest(definition)

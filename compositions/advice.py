"""What a review says of compositions that stand, against what stands around them now."""

from compositions import neighbours
from compositions.models import Composition
from compositions.review import Finding, judge


def warnings(row: Composition) -> list[Finding]:
    """With the places in the author's text; errors too, where something around it has gone since."""
    around = neighbours.around()
    return judge(row.definition, around, slug=row.slug, type=row.type, deadline_ms=row.deadline_ms, meta=row.meta)

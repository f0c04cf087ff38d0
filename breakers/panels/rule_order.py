"""The order in which rules are asked, and what moving one by a place changes."""

from collections.abc import Mapping, Sequence
from typing import Any

from breakers.operations import rules

Place = tuple[int, str]  # priority and slug: rules are asked in this order
STEP, LAST = 10, 1_000_000


def moved(order: Sequence[Place], slug: str, *, up: bool) -> dict[str, int]:
    """New priorities that put the rule one place up or down; as few as possible. Empty when it is at the end already.

    It takes the priority of the one that it passes when their names then keep them in order, else one beside it. When
    there is no room in between, all rules are numbered anew.
    """
    places = sorted(order)
    at = next(number for number, place in enumerate(places) if place[1] == slug)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(places):
        return {}
    rest = [place for place in places if place[1] != slug]
    before = rest[to - 1] if to else (-1, "")
    after = rest[to] if to < len(rest) else None
    passed = places[to][0]
    for priority in (passed, passed - 1 if up else passed + 1):
        if 0 <= priority <= LAST and before < (priority, slug) and (after is None or (priority, slug) < after):
            return {slug: priority}
    wanted = [*(name for _, name in rest[:to]), slug, *(name for _, name in rest[to:])]
    known = {name: priority for priority, name in places}
    fresh = {name: STEP * (number + 1) for number, name in enumerate(wanted)}
    return {name: priority for name, priority in fresh.items() if priority != known[name]}


def neighbours(slug: str, document: Mapping[str, Any]) -> str:
    """Between which rules it is asked, in words."""
    place = (document["priority"], slug)
    others = sorted((row.priority, row.slug) for row in rules.rows() if row.slug != slug)
    before = [name for at, name in others if (at, name) < place]
    after = [name for at, name in others if (at, name) > place]
    parts = [f"after {before[-1]}"] if before else []
    parts += [f"before {after[0]}"] if after else []
    return f"It is asked {' and '.join(parts)}." if parts else "It is the only rule."

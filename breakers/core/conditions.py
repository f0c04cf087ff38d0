"""Between a statement and rows of conditions: rows of one group are joined by and, groups by or; pure.

Every statement that is an or of ands once its nots are pushed down to single conditions has rows. One that is not, or
whose texts do not fit into lines, has none, and is edited where trees can be written.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Tree = dict[str, Any]
Literal = tuple[Tree, bool]  # one condition, and whether it is negated
Groups = list[list[Literal]]

TEXT_OPERATORS = ("is", "starts", "ends", "contains")
NAMED = ("header", "query")
LISTS = ("ip", "forwarded_ip", "method")
SIZES = {"body_size": "body", "header_size": "headers", "query_size": "query", "path_size": "path"}
FIELDS = ("ip", "forwarded_ip", "path", "method", "header", "query", "label", *SIZES)
OPERATORS = (*TEXT_OPERATORS, "present", "missing", "over")


class Condition(NamedTuple):
    """One row. `operator` is `is` for addresses, methods and labels, and `over` for sizes."""

    group: int
    field: str
    operator: str
    values: tuple[str, ...] = ()
    name: str = ""
    negated: bool = False
    ignore_case: bool = False


def operators_of(field: str) -> tuple[str, ...]:
    """In which ways this field can be compared."""
    if field in SIZES:
        return ("over",)
    if field == "path":
        return TEXT_OPERATORS
    return (*TEXT_OPERATORS, "present", "missing") if field in NAMED else ("is",)


def rows(tree: Tree) -> list[Condition] | None:
    """The statement as rows; [] when it fits every request, None when it has no such form."""
    groups = _groups(tree, negated=False)
    if groups is None or (len(groups) > 1 and [] in groups):
        return None
    found: list[Condition] = []
    for number, group in enumerate(groups, start=1):
        for leaf, negated in group:
            condition = _condition(number, leaf, negated)
            if condition is None:
                return None
            found.append(condition)
    return found


def tree(conditions: Sequence[Condition]) -> Tree:
    """The statement that the rows say."""
    branches = [
        _joined("all", [_leaf(condition) for condition in conditions if condition.group == group])
        for group in _numbers(conditions)
    ]
    return _joined("any", branches) if branches else {}


def places(conditions: Sequence[Condition], at: str = "statement") -> list[str]:
    """Where each row stands in the tree, as problems name it: `statement.any[1].all[0]`."""
    numbers = _numbers(conditions)
    found = []
    for index, condition in enumerate(conditions):
        peers = [other for other, each in enumerate(conditions) if each.group == condition.group]
        place = at if len(numbers) == 1 else f"{at}.any[{numbers.index(condition.group)}]"
        found.append(place if len(peers) == 1 else f"{place}.all[{peers.index(index)}]")
    return found


def _numbers(conditions: Iterable[Condition]) -> list[int]:
    return sorted({condition.group for condition in conditions})


def _joined(word: str, branches: list[Tree]) -> Tree:
    return branches[0] if len(branches) == 1 else {word: branches}


def _groups(tree: Tree, *, negated: bool) -> Groups | None:
    """The statement as an or of ands, or None."""
    if not tree:
        return None if negated else [[]]
    kind, body = next(iter(tree.items()))
    if kind == "not":
        return _groups(body, negated=not negated)
    if kind not in ("all", "any"):
        return [[(tree, negated)]]
    branches = [_groups(branch, negated=negated) for branch in body]
    known = [branch for branch in branches if branch is not None]
    if len(known) < len(branches):
        return None
    if (kind == "any") != negated:
        return [group for branch in known for group in branch]
    wide = [branch for branch in known if branch != [[]]]
    if len(wide) <= 1:
        return wide[0] if wide else [[]]
    if any(len(branch) > 1 for branch in wide):
        return None
    return [[literal for branch in wide for literal in branch[0]]]


def _condition(group: int, leaf: Tree, negated: bool) -> Condition | None:
    kind, body = next(iter(leaf.items()))
    name, ignore_case = "", False
    if kind == "size":
        field = next(field for field, of in SIZES.items() if of == body["of"])
        return Condition(group, field, "over", (str(body["over"]),), negated=negated)
    if kind == "label":
        operator, values = "is", [body]
    elif kind in LISTS:
        operator, values = "is", _listed(body)
    else:
        name, ignore_case = body.get("name", ""), body.get("ignore_case", False)
        if "present" in body:
            return Condition(group, kind, "present" if body["present"] else "missing", (), name, negated)
        operator = next(word for word in TEXT_OPERATORS if word in body)
        values = _listed(body[operator])
    if any(not value or value != value.strip() or len(value.splitlines()) > 1 for value in values):
        return None
    return Condition(group, kind, operator, tuple(values), name, negated, ignore_case)


def _leaf(row: Condition) -> Tree:
    leaf: Tree
    if row.field in SIZES:
        leaf = {"size": {"of": SIZES[row.field], "over": int(row.values[0])}}
    elif row.field == "label":
        leaf = {"label": row.values[0]}
    elif row.field in LISTS:
        leaf = {row.field: list(row.values)}
    else:
        body: Tree = {"name": row.name} if row.field in NAMED else {}
        if row.operator in ("present", "missing"):
            body["present"] = row.operator == "present"
        else:
            body[row.operator] = list(row.values)
            if row.ignore_case:
                body["ignore_case"] = True
        leaf = {row.field: body}
    return {"not": leaf} if row.negated else leaf


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)

"""Keeping filters of the list of executions under a name."""

from django.http import QueryDict

from compositions.finding import filtered
from compositions.models import SavedView
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound

LONGEST_NAME = 80


def keep(name: str, query: str, *, owner: str, shared: bool) -> SavedView:
    """Keep it, in the place of the owner's view of the same name. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        text = f"Give it a name of at most {LONGEST_NAME} characters."
        raise Invalid(text, problems=[FieldProblem("name", "invalid", text)])
    filtered(QueryDict(query))
    row, _ = SavedView.objects.update_or_create(owner=owner, name=name, defaults={"query": query, "shared": shared})
    return row


def drop(pk: int, *, owner: str) -> None:
    if not SavedView.objects.filter(pk=pk, owner=owner).delete()[0]:
        raise NotFound("You keep no such view.")

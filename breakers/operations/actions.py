"""Making, changing and removing actions, and trying one again at once."""

from typing import Any

from breakers.actions import KINDS
from breakers.actions.levels import subjects
from breakers.documents import checking
from breakers.documents.actions import ActionShape, complete, document
from breakers.documents.defaults import Document
from breakers.models import Action
from controlplane.audit.chain import record
from controlplane.aws import reconciling
from controlplane.aws.clients import role_of
from controlplane.aws.errors import AwsNotConfigured
from controlplane.config.commit import change
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, NotFound


def put(slug: str, data: Any, *, by: Principal, reason: str = "") -> tuple[Action, bool]:
    """Make the action `slug` what `data` says; the row, and whether it is new."""
    stated = checking.shaped(ActionShape, slug, data)
    with change(by=by, action="action.put", subject=f"action:{slug}", reason=reason) as made:
        row = Action.objects.filter(slug=slug).first()
        before = None if row is None else document(row)
        saved = _write(row or Action(slug=slug), stated)
        made.note(before, document(saved))
    return saved, row is None


def patch(slug: str, data: Any, *, by: Principal, reason: str = "") -> Action:
    """Lay `data` over the action's document (RFC 7396)."""
    with change(by=by, action="action.patch", subject=f"action:{slug}", reason=reason) as made:
        row = find(slug)
        before = document(row)
        saved = _write(row, checking.shaped(ActionShape, slug, checking.merged(before, data)))
        made.note(before, document(saved))
    return saved


def delete(slug: str, *, by: Principal, reason: str = "") -> None:
    """What it held stays as it is at AWS."""
    with change(by=by, action="action.delete", subject=f"action:{slug}", reason=reason) as made:
        row = find(slug)
        made.note(document(row), None)
        row.delete()


def retry(slug: str, *, by: Principal, reason: str = "") -> Action:
    """Try at once what waits for its next attempt, or look again. Raises Conflict when it holds nothing now."""
    row = find(slug)
    if not reconciling.retry_now(f"action:{slug}"):
        raise Conflict(f"Action {slug} wants nothing at AWS now, so there is nothing to try.")
    record(action="action.retry", subject=f"action:{slug}", by=by, reason=reason)
    return row


def find(slug: str) -> Action:
    row = Action.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no action {slug!r}.")
    return row


def judge(slug: str, data: Any) -> Document:
    """The whole document of what `data` says. Raises Invalid when `put` would."""
    return check(slug, checking.shaped(ActionShape, slug, data))


def check(slug: str, stated: Document) -> Document:
    """The whole document. Raises Invalid for subjects that do not exist, and where two would fight over one thing."""
    whole = complete(slug, stated)
    problems = [
        FieldProblem(f"subjects[{index}]", "unknown", wrong)
        for index, name in enumerate(whole["subjects"])
        if (wrong := _unknown(name))
    ]
    if whole["account"]:
        try:
            role_of(whole["account"])
        except AwsNotConfigured as problem:
            problems.append(FieldProblem("account", "unknown", problem.detail))
    place = {name: whole[name] or "" for name in ("kind", "name", "account", "region")}
    twin = Action.objects.filter(**place).exclude(slug=slug).first()
    if twin is not None and not KINDS[whole["kind"]].shared:
        text = f"Action {twin.slug} holds it already, and two would undo each other; add the subject there."
        problems.append(FieldProblem("name", "duplicate", text))
    if problems:
        raise Invalid("The action could never work.", problems=problems)
    return whole


def _unknown(name: str) -> str:
    noun, _, slug = name.partition(":")
    known = subjects()
    if noun not in known or not slug:
        return f"Write {' or '.join(f'{word}:SLUG' for word in known)}; this is {name!r}."
    return "" if known[noun].exists(slug) else f"There is no {noun} {slug!r}; register it first."


def _write(row: Action, stated: Document) -> Action:
    whole = check(row.slug, stated)
    for name in ("title", "enabled", "subjects", "kind", "name", "when_open", "when_closed"):
        setattr(row, name, whole[name])
    row.account, row.region = whole["account"] or "", whole["region"] or ""
    row.save()
    return row

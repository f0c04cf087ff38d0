"""Gives an empty installation its first user, its first API token and, for the demo, something to look at.

What was made is kept in DATA_DIR, readable by its owner only: `admin-password`, `api-token`. ADMIN_PASSWORD and
API_TOKEN win over what is kept. Running it again changes nothing that an operator has changed since.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from controlplane.access import tokens
from controlplane.audit.chain import record
from controlplane.config.models import Revision
from controlplane.kernel import seams
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid

USER = "admin"
BY = Principal.system("bootstrap")


@dataclass(frozen=True)
class Credentials:
    """What the operator is told at every start."""

    user: str
    password: str
    token: str


def bootstrap() -> Credentials:
    user, password = _admin(os.environ.get("ADMIN_PASSWORD", ""))
    token = _token(user, os.environ.get("API_TOKEN", ""))
    if settings.DEMO and not Revision.objects.exists():
        with transaction.atomic():  # interrupted, it starts again from nothing
            seams.resolve(settings.DEMO_SEED)(by=BY)
    return Credentials(user=USER, password=password, token=token)


@transaction.atomic
def _admin(given: str) -> tuple[User, str]:
    """The user and its password; a password that was changed in the browser is respected, and not known here."""
    kept = settings.DATA_DIR / "admin-password"
    user = User.objects.filter(username=USER).first()
    password = given or _read(kept)
    if user is None:
        password = password or secrets.token_urlsafe(15)
        user = User.objects.create_superuser(USER, password=password)
        user.groups.add(Group.objects.get(name="admin"))
        record(action="user.create", subject=f"user:{USER}", by=BY, reason="first start")
    elif given and not user.check_password(given):
        user.set_password(given)
        user.save(update_fields=["password"])
        record(action="user.password", subject=f"user:{USER}", by=BY, reason="ADMIN_PASSWORD was set")
    elif not given and not (password and user.check_password(password)):
        return user, "as it was changed to; start once with ADMIN_PASSWORD to set another"
    _keep(kept, password)
    return user, password


def _token(user: User, given: str) -> str:
    kept = settings.DATA_DIR / "api-token"
    try:
        _, secret = tokens.issue(user, "first token", given or _read(kept) or None, by=BY, reason="first start")
    except Invalid as refusal:
        if given:
            raise CommandError(f"API_TOKEN cannot be used: {refusal.problems[0].message}") from refusal
        return "revoked; start once with API_TOKEN to set another, or issue one in the back office"
    _keep(kept, secret)
    return secret


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _keep(path: Path, text: str) -> None:
    """Written aside and moved into place, so that no reader ever sees half of it, or finds it open to others."""
    if _read(path) == text:
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(f"{text}\n")
    draft.replace(path)


class Command(BaseCommand):
    help = "Makes the user admin, an API token and (DEMO=1) the demo's configuration, unless they exist."

    def handle(self, *args: Any, **options: Any) -> None:
        made = bootstrap()
        self.stdout.write(f"user      {made.user}\npassword  {made.password}\ntoken     {made.token}")

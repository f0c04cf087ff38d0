"""Encrypts every kept secret anew under the first key of SECRETS_KEY, so that older keys can leave the list."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from breakers.operations import alarm_sources, targets
from controlplane.config.commit import locked
from controlplane.kernel import secrets
from controlplane.kernel.access import Principal


class Command(BaseCommand):
    help = "Encrypt every kept secret anew under the first key of SECRETS_KEY."

    def handle(self, *args: Any, **options: Any) -> None:
        by = Principal.system("reseal_secrets")
        try:
            with locked():
                done = targets.reseal(by=by)
                sources = alarm_sources.reseal(by=by)
        except secrets.Unreadable as error:
            raise CommandError(f"{error} Nothing was changed.") from None
        self.stdout.write(f"{len(done)} targets: {', '.join(done) or 'none has secrets'}.")
        self.stdout.write(f"{len(sources)} alarm sources: {', '.join(sources) or 'none has secrets'}.")

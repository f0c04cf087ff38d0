"""Checks the audit's hash chain; exit code 1 and the first broken entry when it does not hold."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.audit.chain import verify


class Command(BaseCommand):
    help = "Verify the hash chain of the audit."

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify()
        if not verdict.ok:
            raise CommandError(f"The audit is broken at entry {verdict.broken}: {verdict.why}.", returncode=1)
        self.stdout.write(f"The audit holds: {verdict.entries} entries, one unbroken chain.")

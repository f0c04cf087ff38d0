"""`manage.py aws_plan`: what would be sent to AWS now; nothing is sent."""

from typing import Any

from django.core.management.base import BaseCommand

from controlplane.aws import reconciling


class Command(BaseCommand):
    help = "Print what would be sent to AWS now: everything that is wanted and does not hold. Sends nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in reconciling.lines(reconciling.wants()) or ["Nothing is wanted at AWS."]:
            self.stdout.write(line)

"""Importing keys that exist already, from API Gateway's CSV: all of a file or nothing, after a dry run that says what
is wrong in which line.
"""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from django.utils.text import slugify

from breakers.core import api_keys
from breakers.core.key_files import MOST_PROBLEMS, KeyFile, KeyLine, LineProblem, read
from breakers.documents.keys import plan_problems
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.models.fields import SLUG
from controlplane.config.commit import change, locked
from controlplane.kernel import clock
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import FieldProblem, Invalid

TITLE_LENGTH = 200
BATCH = 500  # of hashes in one query


class ImportReport(msgspec.Struct):
    """What an import did, or would do. It did nothing when there are problems or it was a dry run."""

    dry_run: bool
    keys: int = 0
    new_consumers: list[str] = []
    unknown_plans: list[str] = []
    notices: list[LineProblem] = []
    problems: list[LineProblem] = []
    ids: list[str] = []


class _Wanted(msgspec.Struct):
    line: KeyLine
    consumer: str
    title: str
    plans: list[UsagePlan]


def import_csv(
    text: str,
    *,
    dry_run: bool,
    by: Principal,
    reason: str = "",
    consumer: str | None = None,
    plans: Mapping[str, str] | None = None,
) -> ImportReport:
    """Read the file and, unless something is wrong or this is a dry run, make its keys in one change.

    They belong to `consumer`, or to the consumer that Name says, which is made when it is missing. `plans` says which
    plan is meant by an id of the file that is no slug of ours.
    """
    file = read(text)
    if dry_run:
        return _Reading(file, consumer, plans or {}).report(dry_run=True)
    if not reason.strip():
        raise Invalid("A reason is needed.", problems=[FieldProblem("reason", "required", "Say why; it is kept.")])
    with locked():
        reading = _Reading(file, consumer, plans or {})
        report = reading.report(dry_run=False)
        if report.problems or not reading.wanted:
            return report
        with change(by=by, action="key.import", subject="keys:import", reason=reason.strip()) as made:
            report.ids = _make(reading, by, clock.now())
            made.note(
                None,
                {
                    "keys": len(report.ids),
                    "ids": " ".join(report.ids),
                    "consumers": " ".join(sorted({wanted.consumer for wanted in reading.wanted})),
                    "new_consumers": " ".join(report.new_consumers),
                    "plans": " ".join(sorted({plan.slug for wanted in reading.wanted for plan in wanted.plans})),
                },
            )
    return report


class _Reading:
    """The file against what is registered."""

    def __init__(self, file: KeyFile, consumer: str | None, plans: Mapping[str, str]) -> None:
        self.problems = list(file.problems)
        self.notices: list[LineProblem] = []
        self.wanted: list[_Wanted] = []
        self.new_consumers: dict[str, str] = {}
        self._mapping = plans
        self._plans = {plan.slug: plan for plan in UsagePlan.objects.prefetch_related("stages")}
        self._unknown: dict[str, None] = {}
        rows = list(Consumer.objects.values_list("slug", "title"))
        self._slugs = {slug for slug, _ in rows}
        self._by_title = {title: slug for slug, title in rows if title}
        if consumer is not None and consumer not in self._slugs:
            text = f"There is no consumer {consumer!r}; register it first."
            raise Invalid(text, problems=[FieldProblem("consumer", "unknown", text)])
        known = _known([line.key for line in file.lines])
        for line in file.lines:
            self._read(line, consumer, known.get(api_keys.digest(line.key)))

    def report(self, *, dry_run: bool) -> ImportReport:
        return ImportReport(
            dry_run=dry_run,
            keys=len(self.wanted),
            new_consumers=sorted(self.new_consumers),
            unknown_plans=list(self._unknown),
            notices=self.notices[:MOST_PROBLEMS],
            problems=sorted(self.problems, key=lambda found: found.line)[: MOST_PROBLEMS + 1],
        )

    def _read(self, line: KeyLine, consumer: str | None, known: tuple[str, str] | None) -> None:
        if not line.enabled:
            self.notices.append(
                LineProblem(line.line, "Enabled", "disabled", "This key is not enabled; it is left out.", "")
            )
            return
        if known is not None:
            message = f"This key is registered already: {known[0]} of consumer {known[1]}."
            self._wrong(line, "Key", "exists", message, "Leave out the line; change the key on its page.")
        slug = consumer or self._consumer_of(line)
        self.wanted.append(_Wanted(line, slug, self._title(line), self._plans_of(line)))

    def _consumer_of(self, line: KeyLine) -> str:
        slug = self._by_title.get(line.name) or slugify(line.name).replace("_", "-")[:63].strip("-")
        if not re.match(SLUG, slug):
            message = "No slug of a consumer can be made from this name."
            self._wrong(line, "Name", "invalid", message, "Use letters or digits, or import for one consumer.")
        elif slug not in self._slugs:
            self.new_consumers.setdefault(slug, line.name)
        return slug

    def _title(self, line: KeyLine) -> str:
        title = f"{line.name}: {line.description}" if line.description else line.name
        title = "".join(character if character.isprintable() else " " for character in title)
        if len(title) > TITLE_LENGTH:
            message = f"Name and description are cut to {TITLE_LENGTH} characters."
            self.notices.append(LineProblem(line.line, "Description", "cut", message, ""))
        return title[:TITLE_LENGTH]

    def _plans_of(self, line: KeyLine) -> list[UsagePlan]:
        plans = []
        for stated in line.plans:
            plan = self._plans.get(self._mapping.get(stated, stated)) or self._plans.get(stated.lower())
            if plan is None:
                self._unknown[stated] = None
                message = f"There is no usage plan {stated[:63]!r}."
                self._wrong(line, "UsagePlanIds", "unknown", message, "Make the plan, or say which plan here is meant.")
            elif plan not in plans:
                plans.append(plan)
        for found in plan_problems(plans):
            self._wrong(line, "UsagePlanIds", found.code, found.message, "Leave out one of the two.")
        return plans

    def _wrong(self, line: KeyLine, column: str, code: str, message: str, remedy: str) -> None:
        self.problems.append(LineProblem(line.line, column, code, message, remedy))


def _known(secrets: list[str]) -> dict[str, tuple[str, str]]:
    """Which of these keys are registered: hash -> (id, consumer)."""
    hashes = [api_keys.digest(secret) for secret in secrets]
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(hashes), BATCH):
        rows = ApiKey.objects.filter(hash__in=hashes[start : start + BATCH])
        found |= {hash_: (key_id, slug) for hash_, key_id, slug in rows.values_list("hash", "id", "consumer__slug")}
    return found


def _make(reading: _Reading, by: Principal, now: datetime) -> list[str]:
    Consumer.objects.bulk_create(
        [Consumer(slug=slug, title=name[:TITLE_LENGTH]) for slug, name in reading.new_consumers.items()],
        batch_size=BATCH,
    )
    owners = Consumer.objects.in_bulk(field_name="slug")
    rows = [
        ApiKey(
            consumer=owners[wanted.consumer],
            title=wanted.title,
            prefix=api_keys.prefix(wanted.line.key),
            hash=api_keys.digest(wanted.line.key),
            created_at=now,
            created_by=by.name,
        )
        for wanted in reading.wanted
    ]
    ApiKey.objects.bulk_create(rows, batch_size=BATCH)
    through = ApiKey.plans.through
    through.objects.bulk_create(
        [
            through(apikey_id=row.id, usageplan_id=plan.pk)
            for row, wanted in zip(rows, reading.wanted, strict=True)
            for plan in wanted.plans
        ],
        batch_size=BATCH,
    )
    return [row.id for row in rows]

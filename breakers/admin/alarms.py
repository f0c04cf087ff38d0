"""Alarm sources and what came in from them, in the back office. Secrets are made over REST and shown there once."""

from typing import Any

from django import forms
from django.contrib import admin

from breakers.documents.alarm_sources import document
from breakers.documents.defaults import Document
from breakers.models import AlarmMessage, AlarmSource
from breakers.operations import alarm_sources

from .forms import DocumentForm
from .operations import ThroughOperations
from .records import Record

ARROW = "->"


class AlarmRulesField(forms.CharField):
    """`checkout-* -> payment`, a line for each rule."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(f"{rule['alarm']} {ARROW} {rule['target']}" for rule in value)
        return value

    def clean(self, value: Any) -> list[dict[str, str]]:
        rules = []
        for line in filter(None, map(str.strip, super().clean(value).splitlines())):
            alarm, arrow, target = line.rpartition(ARROW)
            if not arrow or not alarm.strip() or not target.strip():
                raise forms.ValidationError(f"Write ALARM {ARROW} TARGET; this is {line!r}.", "invalid")
            rules.append({"alarm": alarm.strip(), "target": target.strip()})
        return rules

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class AlarmSourceForm(DocumentForm):
    rules = AlarmRulesField(
        label="Alarms",
        required=False,
        help_text=f"A line for each: name of the alarm {ARROW} target whose circuit it opens. * at the end of a name "
        "stands for any rest; the first that fits counts.",
    )

    class Meta:
        model = AlarmSource
        fields = ("slug", "title", "enabled", "scheme", "topic_arn", "certificate", "max_age_s")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "rules" in self.fields:
            self.initial.setdefault("rules", self.instance.alarms)

    def to_document(self) -> Document:
        given = self.cleaned_data
        stated = {name: given[name] for name in ("title", "enabled", "scheme", "max_age_s")}
        sns = {name: given[name] or None for name in ("topic_arn", "certificate")}
        return stated | sns | {"alarms": given.get("rules") or []}

    def judge(self, slug: str, document: Document) -> None:
        alarm_sources.judge(slug, document)

    def _home(self, path: str) -> tuple[Any, str]:
        return (self, "rules") if path.startswith("alarms") else super()._home(path)


@admin.register(AlarmSource)
class AlarmSourceAdmin(ThroughOperations):
    kind = "alarm-source"
    form = AlarmSourceForm
    operations = alarm_sources
    consequence = "Its messages are refused from then on."
    list_display = ("slug", "title", "enabled", "scheme", "opens")
    list_editable = ("title", "enabled")
    list_filter = ("scheme", "enabled")
    search_fields = ("slug", "title", "topic_arn")
    search_help_text = "Slug, title or topic."
    fieldsets = (
        (None, {"fields": ("slug", "title", "enabled")}),
        ("How a message proves its origin", {"fields": ("scheme", "topic_arn", "certificate")}),
        ("What it opens", {"fields": ("rules", "max_age_s")}),
    )

    @admin.display(description="opens")
    def opens(self, source: AlarmSource) -> str:
        return ", ".join(sorted({rule["target"] for rule in source.alarms})) or "nothing"

    def sentence(self, obj: AlarmSource) -> str:
        told = document(obj)
        rules = [f"{rule['alarm']} opens {rule['target']}" for rule in told["alarms"]] or ["nothing is opened"]
        proof = {"sns": f"signed by SNS for {told['topic_arn']}", "hmac": "signed with the secret"}
        how = proof.get(told["scheme"], "with the secret in X-Api-Key")
        text = f"Posts to /api/v1/alarms/{told['slug']} {how}: {'; '.join(rules)}. OK never closes a circuit."
        return text if told["enabled"] else f"Disabled. {text}"


@admin.register(AlarmMessage)
class AlarmMessageAdmin(Record):
    kind_of = "alarm-source"
    noun = "source"
    list_display = ("at", "source", "alarm", "state", "target", "outcome", "detail")
    list_filter = ("outcome", "state")
    search_fields = ("source", "alarm", "target", "detail")
    search_help_text = "Source, alarm, target, or what it said."
    date_hierarchy = "at"
    fields = ("at", "source", "alarm", "state", "target", "outcome", "detail")

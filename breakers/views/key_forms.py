"""Forms of consumers and keys. Fields that hold a key have "secret" in their names: those are never kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms

from breakers.core import api_keys
from breakers.core.key_files import MOST_CHARACTERS
from breakers.documents.defaults import Document
from breakers.models import ApiKey, Consumer, UsagePlan
from breakers.models.consumers import new_key_id
from breakers.models.forms import WordsFormField
from breakers.models.plans import QuotaPeriod
from controlplane.kernel import clock
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Problem

NEW, NONE = "+", "-"  # instead of a slug
LIVES = [("", "never"), ("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year")]
GRACES = [
    ("0", "not at all: it ends now"),
    ("3600", "1 hour"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
]
REASON = {"required": "Say why: it is kept in the audit."}


class ReasonForm(forms.Form):
    """An act that needs nothing but a reason."""

    reason = forms.CharField(max_length=500, error_messages=REASON)


class ConfirmedForm(ReasonForm):
    """An act that cannot be undone."""

    confirm = forms.BooleanField(error_messages={"required": "Confirm that you have read what happens."})


class RotateForm(ReasonForm):
    grace = forms.ChoiceField(choices=GRACES, initial="86400")


class ExtendForm(ReasonForm):
    amount = forms.IntegerField(min_value=1, max_value=10**12)


class ConsumerForm(forms.Form):
    title = forms.CharField(max_length=200, required=False, help_text="Shown on pages. Empty: the slug.")
    contact = forms.CharField(
        max_length=200, required=False, help_text="Whom to tell when a limit is near or a key leaks."
    )
    tags = WordsFormField(required=False, help_text="Words to find it by, separated by commas.")

    def to_document(self) -> Document:
        return {name: self.cleaned_data[name] for name in ("title", "contact", "tags")}


class KeyForm(forms.Form):
    """What can be changed of a key."""

    title = forms.CharField(max_length=200, required=False, help_text="What it is used for: app, environment, person.")
    tags = WordsFormField(required=False, help_text="Words to find it by, separated by commas.")
    plans = forms.ModelMultipleChoiceField(
        UsagePlan.objects,
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="At most one for each stage.",
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        label="Expires at (UTC)",
        help_text="Empty: never.",
    )

    def to_document(self, key: ApiKey) -> Document:
        given = self.cleaned_data
        expires_at = given["expires_at"]
        # The field knows whole minutes; what nobody changed stays as it is.
        if expires_at and key.expires_at and expires_at == key.expires_at.replace(second=0, microsecond=0):
            expires_at = key.expires_at
        return {
            "title": given["title"],
            "tags": given["tags"],
            "plans": [plan.slug for plan in given["plans"]],
            "expires_at": rfc3339(expires_at),
        }


class NewKeyForm(forms.Form):
    """From nothing to a key: whose it is, how often it may call, and when it ends."""

    key_id = forms.RegexField(r"^k[0-9a-f]{16}$", widget=forms.HiddenInput)
    consumer = forms.ChoiceField(required=False, label="Consumer")
    name = forms.CharField(max_length=200, required=False, label="Name of the consumer")
    contact = forms.CharField(max_length=200, required=False, label="Contact")
    plan = forms.ChoiceField(label="Usage plan", error_messages={"required": "Choose a plan, or make one here."})
    plan_name = forms.CharField(max_length=200, required=False, label="Name of the plan")
    rate = forms.FloatField(required=False, min_value=0.001, max_value=1_000_000, label="Rate (requests/s)")
    burst = forms.IntegerField(required=False, min_value=1, max_value=1_000_000, label="Burst (requests)")
    quota = forms.IntegerField(required=False, min_value=1, max_value=10**15, label="Quota (requests)")
    period = forms.ChoiceField(
        required=False, choices=[(value, f"a {value.lower()}") for value in QuotaPeriod.values], initial="MONTH"
    )
    title = forms.CharField(max_length=200, required=False, label="What the key is for")
    life = forms.ChoiceField(required=False, choices=LIVES, label="Expires")
    secret = forms.CharField(
        required=False,
        label="A key that exists already",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        strip=False,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        self.fields["consumer"].choices = [  # type: ignore[attr-defined]
            ("", "a new one"),
            *((row.slug, f"{row} ({row.slug})") for row in Consumer.objects.all()[:1000]),
        ]
        self.plans = list(UsagePlan.objects.prefetch_related("stages", "overrides"))
        self.fields["plan"].choices = [  # type: ignore[attr-defined]
            *((plan.slug, str(plan)) for plan in self.plans),
            (NEW, "A new plan"),
            (NONE, "No plan"),
        ]
        self.fields["plan"].initial = self.plans[0].slug if self.plans else NEW
        self.fields["key_id"].initial = new_key_id
        for name, value in {"rate": 10, "burst": 20}.items():
            self.fields[name].initial = value

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not given.get("consumer") and not given.get("name", "").strip():
            self.add_error("name", "Name the consumer, or choose one that exists.")
        if given.get("plan") == NEW:
            if not given.get("plan_name", "").strip():
                self.add_error("plan_name", "Name the plan.")
            if given.get("burst") is not None and given.get("rate") is None and "rate" not in self.errors:
                self.add_error("rate", "A burst needs a rate.")
        if given.get("secret") and (fault := api_keys.fault(given["secret"])):
            self.add_error("secret", fault[1])
        return given

    def plan_document(self) -> Document:
        given = self.cleaned_data
        quota = {"limit": given["quota"], "period": given["period"] or "MONTH"} if given["quota"] else None
        return {
            "title": given["plan_name"].strip(),
            "rate": given["rate"],
            "burst": given["burst"],
            "quota": quota,
            "stages": ["main"],
        }

    def key_document(self, plans: list[str]) -> Document:
        given = self.cleaned_data
        stated: Document = {"title": given["title"], "plans": plans}
        if given["life"]:
            stated["expires_at"] = rfc3339(clock.now() + timedelta(days=int(given["life"])))
        if given["secret"]:
            stated["key"] = given["secret"]
        return stated


class ImportForm(forms.Form):
    """A file, or its text; the text travels with the page from the dry run to the import."""

    secrets_file = forms.FileField(required=False, label="File")
    secrets_csv = forms.CharField(
        required=False,
        max_length=MOST_CHARACTERS,
        label="or its text",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
    )
    consumer = forms.ChoiceField(required=False, label="The keys belong to")

    def __init__(self, data: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(data, *args, **kwargs)
        self.fields["consumer"].choices = [  # type: ignore[attr-defined]
            ("", "the consumers that the column Name says; missing ones are made"),
            *((row.slug, f"{row} ({row.slug}), all of them") for row in Consumer.objects.all()[:1000]),
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        file = given.get("secrets_file")
        if file is not None:
            if file.size > 4 * MOST_CHARACTERS:
                self.add_error("secrets_file", "The file is too large; split it into several.")
                return given
            try:
                given["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("secrets_file", "The file is not in UTF-8. Save it as “CSV UTF-8”.")
        else:
            given["text"] = given.get("secrets_csv", "")
        if not self.errors and not given["text"].strip():
            self.add_error("secrets_file", "Choose a file, or paste its text.")
        return given


def show(form: forms.Form, problem: Problem, names: Mapping[str, str] | None = None) -> None:
    """Put what an operation refused beside the fields that it names, or above the form."""
    for found in problem.problems:
        path = found.path.partition("[")[0]
        field = (names or {}).get(path, path)
        form.add_error(field if field in form.fields else None, found.message)
    if not problem.problems:
        form.add_error(None, problem.detail or problem.title)

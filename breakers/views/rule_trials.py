"""The tester of request rules: a request in somebody's words, and what all rules would do with it."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from breakers.admission.trials import LOCAL, Described
from breakers.core.networks import parse_address
from breakers.documents.fields import TOKEN
from breakers.models import Stage
from breakers.panels import rule_trials
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import require

REQUEST_LINE = re.compile(r"^([A-Z]{1,20}) +(\S+)(?: +HTTP/[\d.]+)?$")
# A request may be pasted with its credentials: fields with "secret" in their names are never kept.
PREFIX = "secret-try"


class TrialForm(forms.Form):
    """A request in somebody's words, or pasted as it was sent."""

    method = forms.RegexField(r"^[A-Z]{1,20}$", initial="GET", strip=True, help_text="In capitals.")
    path = forms.CharField(max_length=4000, initial="/", help_text="With the query, as sent: `/search?q=1`.")
    ip = forms.CharField(label="IP address", max_length=50, initial=LOCAL, help_text="Of the connection.")
    stage = forms.ModelChoiceField(
        Stage.objects, to_field_name="slug", empty_label=None, initial="main", required=False
    )
    body_bytes = forms.IntegerField(label="Size of the body (bytes)", min_value=0, required=False)
    seen = forms.IntegerField(
        label="Requests like it before", min_value=0, required=False, help_text="Of the same client in the window."
    )
    headers = forms.CharField(
        required=False,
        max_length=64_000,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "User-Agent: curl/8.5"}),
        help_text="One a line; a whole request can be pasted, its first line then tells method and path.",
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, prefix=PREFIX, use_required_attribute=False)

    def clean_path(self) -> str:
        given: str = self.cleaned_data["path"]
        if not given.startswith("/"):
            raise forms.ValidationError(f"A path begins with a slash; write /{given[:60]}.", "invalid")
        return given

    def clean_ip(self) -> str:
        given: str = self.cleaned_data["ip"].strip()
        if parse_address(given) is None:
            raise forms.ValidationError("This is not an IP address; write 192.0.2.7.", "invalid")
        return given

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        head, blank, body = (given.get("headers") or "").replace("\r\n", "\n").lstrip("\n").partition("\n\n")
        lines = [line for line in head.split("\n") if line.strip()]
        if lines and (first := REQUEST_LINE.match(lines[0])):
            given["method"] = first[1]
            given["path"] = re.sub(r"^https?://[^/]*", "", first[2]) or "/"
            lines = lines[1:]
            if blank and given.get("body_bytes") is None:
                given["body_bytes"] = len(body.encode())
        fields = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not TOKEN.fullmatch(name.strip()):
                self.add_error("headers", f"“{line[:60]}” is not a header; write Name: value.")
                break
            fields.append((name.strip(), value.strip()))
        given["fields"] = fields
        return given

    def described(self) -> Described:
        given = self.cleaned_data
        return Described(
            method=given["method"],
            path=given["path"],
            headers=given["fields"],
            ip=given["ip"],
            stage=given["stage"].slug if given["stage"] else "main",
            body_bytes=given["body_bytes"] or 0,
            seen=given["seen"] or 0,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required_keeping_form
@require("view")
def test(request: HttpRequest) -> HttpResponse:
    """Nothing is counted, so whoever may look may try."""
    form = TrialForm(request.POST if request.method == "POST" else None)
    tried, status = None, 200
    if form.is_bound:
        if form.is_valid():
            tried = rule_trials.tried(form.described())
        else:
            status = 400
    return render(request, "breakers/rules_test.html", {"form": form, "tried": tried}, status=status)

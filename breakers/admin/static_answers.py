"""A target's static answer as fields: status, content type and body, where the document has a block of JSON."""

import json
from typing import Any

from django import forms

from breakers.documents.defaults import Document

ANSWER = ("fallback_status", "fallback_content_type", "fallback_body")
JSON = "application/json"


class StaticAnswerFields(forms.Form):
    """Mixin for the form of a target. With all three fields empty there is no static answer."""

    instance: Any

    fallback_status = forms.IntegerField(
        label="Status",
        required=False,
        min_value=200,
        max_value=599,
        help_text="HTTP status of the answer. Empty: 200 where there is a body.",
    )
    fallback_content_type = forms.CharField(
        label="Content type",
        required=False,
        max_length=200,
        help_text="Such as <code>application/json</code> or <code>text/plain; charset=utf-8</code>. "
        "Empty: JSON where the body reads as JSON, else text.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    fallback_body = forms.CharField(
        label="Body",
        required=False,
        strip=False,
        help_text="What callers get when the circuit is open and nothing is cached. All three empty: they get 503.",
        widget=forms.Textarea(attrs={"rows": 5, "class": "vLargeTextField"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        answer = self.instance.fallback_static
        if answer is not None and "fallback_body" in self.fields:
            self.initial.setdefault("fallback_status", answer.get("status", 200))
            self.initial.setdefault("fallback_content_type", answer.get("content_type", ""))
            self.initial.setdefault("fallback_body", shown(answer.get("body")))

    def static_answer(self) -> Document | None:
        """The answer that the fields state, or None. Adds an error where a body is not what its type promises."""
        given = {name.removeprefix("fallback_"): self.cleaned_data.get(name) for name in ANSWER}
        text = given["body"] or ""
        if not text and given["status"] is None and not given["content_type"]:
            return None
        answer: Document = {"body": self._body(text, given["content_type"] or "")}
        if given["status"] is not None:
            answer["status"] = given["status"]
        if given["content_type"]:
            answer["content_type"] = given["content_type"]
        return answer

    def _body(self, text: str, content_type: str) -> Any:
        kept = (self.instance.fallback_static or {}).get("body")
        if text == shown(kept) and content_type == self.initial.get("fallback_content_type"):
            return kept
        media = content_type.partition(";")[0].strip().lower()
        stated = media == JSON or media.endswith("+json")
        if content_type and not stated:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            if stated:
                self.add_error("fallback_body", f"This is not JSON, as its content type says: {error}.")
            return text


def shown(body: Any) -> str:
    """A body as text: JSON with its lines indented, text as it is."""
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)

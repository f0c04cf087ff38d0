"""What customers read while a journey is delayed: templates by language, and the ones that are shipped.

A template may name {title} (of the journey) and {time} (the forecast, spelled out; a sentence that names it is left out
while nobody knows). Where a journey has no words of its own in a language, the shipped ones speak.
"""

import re
from collections.abc import Mapping
from typing import Final

DEFAULT_LANGUAGE: Final = "en"
PLACEHOLDERS: Final = ("title", "time")

SHIPPED: Final[Mapping[str, str]] = {
    "en": (
        "This is taking longer than usual at the moment. What you have sent has been received; you do not need to try "
        "again. We are already working on it."
    ),
    "de": (
        "Das dauert gerade länger als sonst. Was Sie abgeschickt haben, ist bei uns angekommen; Sie müssen es nicht "
        "noch einmal versuchen. Wir arbeiten bereits daran."
    ),
}
_SPELLED: Final[Mapping[str, tuple[str, str, str]]] = {
    "en": ("{n} seconds", "{n} minutes", "{n} hours"),
    "de": ("{n} Sekunden", "{n} Minuten", "{n} Stunden"),
}
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


def problem(template: str) -> str | None:
    """What is wrong with a template, in words; None when nothing is."""
    unknown = sorted({name for name in _PLACEHOLDER.findall(template) if name not in PLACEHOLDERS})
    if unknown:
        return f"There is no {{{unknown[0]}}}; a message may name {{title}} and {{time}}."
    if "{" in _PLACEHOLDER.sub("", template):
        return "A brace is not closed; a message may name {title} and {time}."
    return None


def message(messages: Mapping[str, str], language: str, *, title: str, estimated_s: int | None) -> str:
    """The journey's words in the language or the nearest there is, filled in."""
    short = language.partition("-")[0].lower()
    own = messages.get(language) or messages.get(short)
    if own is None and (shipped := SHIPPED.get(short)) and not messages.get(DEFAULT_LANGUAGE):
        own = shipped
    spoken = short if own is not None else DEFAULT_LANGUAGE
    template = own or messages.get(DEFAULT_LANGUAGE) or next(iter(messages.values()), "") or SHIPPED[DEFAULT_LANGUAGE]
    return _filled(template, title, spelled(estimated_s, spoken))


def spelled(seconds: int | None, language: str) -> str | None:
    """A time as a person would say it: rounded up, never more exact than a forecast can be."""
    if seconds is None:
        return None
    of_seconds, of_minutes, of_hours = _SPELLED.get(language, _SPELLED[DEFAULT_LANGUAGE])
    if seconds < 90:
        return of_seconds.format(n=max(10, -(-seconds // 10) * 10))
    if seconds < 5400:
        return of_minutes.format(n=-(-seconds // 60))
    return of_hours.format(n=-(-seconds // 3600))


def _filled(template: str, title: str, time: str | None) -> str:
    if time is None and "{time}" in template:
        template = " ".join(part for part in _SENTENCE.split(template) if "{time}" not in part)
    return template.replace("{title}", title).replace("{time}", time or "")

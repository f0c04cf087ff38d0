"""Starting points of new compositions: name of the link -> what it says, and the form as it opens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

_FOLDER: Final = Path(__file__).with_name("definitions") / "starts"
_PLACES: Final = ("FIRST", "SECOND")


class Start(NamedTuple):
    words: str
    title: str
    type: str = "EXPRESS"


STARTS: Final[dict[str, Start]] = {
    "blank": Start("one call", "A new composition"),
    "partial": Start("several calls at once, with a partial answer", "Two answers in one"),
    "saga": Start("a saga that undoes what it did", "Reserve and charge", "STANDARD"),
    "translation": Start("an old interface before a new service", "The old interface"),
}


def begun(name: str, targets: Sequence[str]) -> dict[str, Any]:
    """The document that a form begins with; it calls the first of `targets`, as far as there are any."""
    start = STARTS[name]
    text = (_FOLDER / f"{name}.asl.json").read_text(encoding="utf-8")
    for number, place in enumerate(_PLACES):
        slug = targets[number % len(targets)] if targets else f"target-{number + 1}"
        text = text.replace(f"target://{place}/", f"target://{slug}/")
    return {"slug": "", "title": start.title, "type": start.type, "definition": text, "meta": name == "partial"}

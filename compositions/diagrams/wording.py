"""What a box says: the state's name, and in a second line what it does; and how wide that is."""

from typing import Final
from unicodedata import east_asian_width

from compositions.asl.outline import State

NAME_WIDTH: Final = 8.1  # of a letter, generously: pages choose their font, drawings must not burst
DETAIL_WIDTH: Final = 6.9
MOST_NAME, MOST_DETAIL, MOST_LABEL = 28, 34, 26


def cut(text: str, most: int) -> str:
    """At most so many characters, the last one an ellipsis where something is left out."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def width(text: str, of_letter: float) -> int:
    """Pixels, even, so that halves are whole."""
    letters = sum(1.9 if east_asian_width(letter) in "WF" else 1 for letter in text)
    return round(letters * of_letter / 2) * 2


def detail(state: State) -> str:
    """`GET catalog`, `Wait 30 s`, `Choice`."""
    if state.kind == "Task" and state.endpoint is not None:
        return _call(state)
    if state.kind == "Wait" and state.seconds is not None:
        return f"Wait {state.seconds:g} s"
    if state.kind == "Map":
        return "Map: for each item"
    if state.kind == "Parallel":
        return "Parallel: all at once"
    return state.kind or "no type"


def _call(state: State) -> str:
    endpoint = state.endpoint
    assert endpoint is not None
    if endpoint.is_computed:
        return f"{endpoint.method} computed address".strip()
    address = endpoint.address.removeprefix("target://")
    if address.startswith("arn:"):
        address = address.rsplit(":", 1)[-1]
    if not address:
        address = endpoint.resource.split(":::", 1)[-1]
    return f"{endpoint.method} {address}".strip() or "Task"

"""What of a body people may see: no secret, no card number, and nothing that looks like one; pure."""

import json
import re
from typing import Any

from breakers.admission.redaction import HIDDEN, SECRETIVE

LONGEST_TEXT = 2000
LONGEST_JSON = 65_536
MOST_ITEMS = 200
DEEPEST = 30
# 12 to 19 digits, perhaps in groups: ISO/IEC 7812. Luhn's check digit tells them from order numbers.
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){11,18}(?![\d.])")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*")
_CARD_FIELDS = re.compile(
    r"(?:^|[-_.])(?:card_?(?:no|num(?:ber)?)|cc_?num(?:ber)?|cvc2?|cvv2?|csc|iban|pan|ssn)(?:$|[-_.])", re.IGNORECASE
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def redacted(value: Any, depth: int = 0) -> Any:
    """The same JSON with secrets replaced, long text cut and long lists shortened."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        if depth >= DEEPEST:
            return HIDDEN
        return {name: HIDDEN if _hides(name, inner) else redacted(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        if depth >= DEEPEST:
            return HIDDEN
        shown = [redacted(inner, depth + 1) for inner in value[:MOST_ITEMS]]
        return [*shown, f"… {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else shown
    if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
        return HIDDEN
    return value


def text(value: str) -> str:
    """Text without what looks like a card number or a credential; text that is JSON, without its secret fields."""
    if value[:1] in ("{", "[") and len(value) <= LONGEST_JSON:
        try:
            value = json.dumps(redacted(json.loads(value)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    cut = value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "…"
    cut = _JWT.sub(HIDDEN, _BEARER.sub(rf"\1 {HIDDEN}", cut))
    return _CARD.sub(lambda found: _masked(found[0]), cut)


def _hides(name: str, value: Any) -> bool:
    """Whether a field's name alone says that its value is a secret. Flags and empty values give nothing away."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    words = _HUMP.sub("_", name)
    return SECRETIVE.search(words) is not None or _CARD_FIELDS.search(words) is not None


def _masked(found: str) -> str:
    digits = re.sub(r"\D", "", found)
    return f"(hidden …{digits[-4:]})" if _is_card(digits) else found


def _is_card(digits: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1, annex B)."""
    if not 12 <= len(digits) <= 19 or not digits.isdigit() or len(set(digits)) == 1:
        return False
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0

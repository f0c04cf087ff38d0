"""Bodies are shown without secrets and card numbers, and otherwise as they are."""

from typing import Any

import pytest

from breakers.admission.redaction import HIDDEN
from compositions.redaction import redacted


@pytest.mark.parametrize(
    "name",
    ["password", "apiKey", "access_token", "clientSecret", "cvv", "cardNumber", "card_number", "iban", "Authorization"],
)
def test_a_field_whose_name_says_that_it_is_secret(name: str) -> None:
    assert redacted({"customer": [{name: "s3cr3t"}]}) == {"customer": [{name: HIDDEN}]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("card 4111 1111 1111 1111, please", "card (hidden …1111), please"),
        ("5500005555555559", "(hidden …5559)"),
        (4111111111111111, HIDDEN),
        ("Authorization: Bearer abcdefghijklmnop", f"Authorization: Bearer {HIDDEN}"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", HIDDEN),
        ('{"error": "no", "password": "s3cr3t"}', f'{{"error": "no", "password": "{HIDDEN}"}}'),
        ('{"password": not JSON', '{"password": not JSON'),
    ],
)
def test_a_value_that_looks_like_a_secret(value: Any, shown: Any) -> None:
    assert redacted({"note": value}) == {"note": shown}


@pytest.mark.parametrize(
    "value",
    [
        {"plan": "premium", "amount": 12.5, "order": "4111111111111112", "paid": True, "token": None, "password": ""},
        {"ticket": False, "at": "2026-05-04T10:20:30.123Z", "id": 1234567890123, "items": [1, "two", None]},
        {"design": "pinstripe", "keyboard": "us", "planet": "mars", "company": "Pan Am"},
    ],
)
def test_what_is_no_secret_stays(value: Any) -> None:
    assert redacted(value) == value


def test_long_text_and_lists_are_cut_and_depth_ends() -> None:
    shown = redacted({"text": "x" * 5000, "list": list(range(300))})
    assert len(shown["text"]) == 2001
    assert shown["list"][-1] == "… 100 more"
    deep: Any = "bottom"
    for _ in range(50):
        deep = [deep]
    assert HIDDEN in str(redacted(deep))

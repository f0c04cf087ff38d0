"""Fields of documents that take JSON at its word: 5 is a number, "5" is text, and true is neither."""

import math
import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from breakers.models.fields import SLUG, SLUG_RULE

TOKEN = re.compile(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")  # RFC 9110, section 5.6.2
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class WholeNumber(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Number(serializers.FloatField):
    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool) or not math.isfinite(data):
            self.fail("invalid")
        return data


class Flag(serializers.BooleanField):
    default_error_messages = {"invalid": "Use true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Text(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Word(Text):
    """Text without commas: it is kept in a list of words."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 100)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        word = super().to_internal_value(data)
        if "," in word or not word.isprintable():
            raise serializers.ValidationError("Leave out commas and control characters.", "invalid")
        return word


class HeaderName(Word):
    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if not TOKEN.match(name):
            raise serializers.ValidationError("This is not the name of a header.", "invalid")
        return name


class Method(Text):
    def to_internal_value(self, data: Any) -> str:
        method = super().to_internal_value(data)
        if method not in METHODS:
            remedy = (
                f"Write {method.upper()}: methods are in capitals" if method.upper() in METHODS else "Unknown method"
            )
            raise serializers.ValidationError(f"{remedy}. Known are {', '.join(METHODS)}.", "invalid_choice")
        return method


class Rate(Number):
    """Requests per second."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0.001, max_value=1_000_000, **kwargs)


class Burst(WholeNumber):
    """Requests at once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=1_000_000, **kwargs)


class Slug(Text):
    """The name of another noun."""

    def to_internal_value(self, data: Any) -> str:
        slug = super().to_internal_value(data)
        if not re.match(SLUG, slug):
            raise serializers.ValidationError(SLUG_RULE, "invalid")
        return slug


class Checked(Text):
    """Text that a rule judges: a function that raises Django's ValidationError or a ValueError with the remedy."""

    def __init__(self, rule: Callable[[str], Any], **kwargs: Any) -> None:
        self.rule = rule
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text:
            return text
        try:
            self.rule(text)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.message, error.code or "invalid") from None
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.", "invalid") from None
        return text


def once(words: list[str], what: str) -> list[str]:
    """`words` as they are. Raises when one stands there twice."""
    if twice := sorted({word for word in words if words.count(word) > 1}):
        raise serializers.ValidationError(f"Name each {what} once: {', '.join(twice)}.", "duplicate")
    return words


def figure(value: Any) -> Any:
    """A column's value as JSON writes it: 60.0 s are 60 s."""
    return int(value) if isinstance(value, float) and value.is_integer() else value

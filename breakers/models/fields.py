"""A column for a short list of words, and the rule for slugs."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models

SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
SLUG_RULE = "Use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit first and last."

slug_validator = RegexValidator(SLUG, SLUG_RULE, code="invalid")


class SlugField(models.CharField):
    """The name of a noun in addresses, keys and logs; it never changes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 63)
        kwargs.setdefault("validators", [slug_validator])
        super().__init__(*args, **kwargs)


class WordsField(models.TextField):
    """A list of words without commas, kept as `,one,two,` so that a query can look for one of them."""

    description = "Words separated by commas"

    def from_db_value(self, value: str | None, *_: Any) -> list[str] | None:
        return self.to_python(value)

    def to_python(self, value: Any) -> list[str] | None:
        if value is None or isinstance(value, list):
            return value
        return [word.strip() for word in str(value).split(",") if word.strip()]

    def get_prep_value(self, value: Any) -> str | None:
        words = self.to_python(value)
        if words is None:
            return None
        return f",{','.join(words)}," if words else ""

    def value_to_string(self, obj: models.Model) -> str:
        return ", ".join(self.value_from_object(obj) or [])

    def value_from_object(self, obj: models.Model) -> Any:
        return getattr(obj, self.attname)

    def clean(self, value: Any, model_instance: models.Model | None) -> list[str] | None:
        words = self.to_python(value)
        if words and any("," in word for word in words):
            raise ValidationError("A word has no comma.", code="invalid")
        if not words and not self.blank and not self.null:
            raise ValidationError("At least one word is needed.", code="blank")
        return words

    def formfield(self, **kwargs: Any) -> Any:
        from .forms import WordsFormField

        return WordsFormField(
            required=not self.blank,
            label=str(self.verbose_name).capitalize(),
            help_text=self.help_text,
            initial=kwargs.get("initial", ""),
        )

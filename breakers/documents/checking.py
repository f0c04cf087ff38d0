"""Judging a document: its shape first, then what could never work together. Everything wrong is said at once."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError

from breakers.core.settings import parse_target, problems
from breakers.models.fields import SLUG_RULE, slug_validator
from controlplane.kernel.errors import FieldProblem, Invalid
from controlplane.kernel.rest import StrictSerializer, field_problems

from .defaults import Document, complete
from .targets import TargetShape


def target(slug: str, data: Any) -> Document:
    """What `data` states about the target `slug`, checked. Raises Invalid with the path of each field at fault."""
    stated = {**shaped(TargetShape, slug, data), "slug": slug}
    found = [FieldProblem(*problem) for problem in problems(parse_target(complete(stated)))]
    if found:
        raise Invalid("These settings could never work.", problems=found)
    return stated


def shaped(shape: type[StrictSerializer], slug: str, data: Any) -> Document:
    """`data` in this shape, for the noun `slug`; a slug inside the document must be the same."""
    try:
        slug_validator(slug)
    except DjangoValidationError:
        raise Invalid("The slug is not acceptable.", problems=[FieldProblem("slug", "invalid", SLUG_RULE)]) from None
    if isinstance(data, Mapping) and data.get("slug", slug) != slug:
        text = f"The address says {slug!r}; a slug cannot be changed."
        raise Invalid("The slugs differ.", problems=[FieldProblem("slug", "mismatch", text)])
    return fields(shape, data)


def fields(shape: type[StrictSerializer], data: Any) -> Document:
    """`data` in this shape. Raises Invalid with the path of each field at fault."""
    serializer = shape(data=data)
    try:
        serializer.is_valid(raise_exception=True)
    except ValidationError as error:
        raise Invalid("Some fields are not acceptable.", problems=field_problems(error.detail)) from None
    return dict(serializer.validated_data)


def merged(stated: Document, patch: Any) -> Any:
    """`patch` laid over `stated` as RFC 7396 says: blocks merge, lists are replaced, null removes."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(stated)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result

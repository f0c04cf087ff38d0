"""The REST manners of every endpoint: problem+json for every error, strict bodies, permission by act."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.serializers import Serializer
from rest_framework.settings import api_settings

from controlplane.kernel import errors
from controlplane.kernel.access import ACTS, can
from controlplane.kernel.errors import FieldProblem, Problem

log = logging.getLogger("switchgear.rest")

PROBLEM_JSON = "application/problem+json"
# How soon to try again while the database is away: about as long as a restart of it takes.
DATABASE_BACK_S = 5


# Answers --------------------------------------------------------------------------------------------------------------


def problem_response(problem: Problem) -> HttpResponse:
    """A problem as an HTTP answer, with Retry-After when it knows how long."""
    response = HttpResponse(json.dumps(problem.document(), default=str), PROBLEM_JSON, problem.status)
    response["Cache-Control"] = "no-store"
    if problem.retry_after is not None:
        response["Retry-After"] = problem.retry_after
    if problem.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="switchgear"'
    return response


def on_exception(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """REST framework's EXCEPTION_HANDLER: what it and our own code raise, as problem+json."""
    problem = problem_from(exception)
    if problem is None:
        return None
    if problem is not exception and problem.status >= 500:
        log.error("database_away", exc_info=exception)
    response = problem_response(problem)
    if isinstance(exception, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def problem_from(exception: Exception) -> Problem | None:
    """The problem that an exception means, or None when it is a fault of ours."""
    match exception:
        case Problem():
            return exception
        case drf.ValidationError():
            return errors.Invalid("Some fields are not acceptable.", problems=field_problems(exception.detail))
        case drf.ParseError():
            message = str(exception.detail)
            return errors.Invalid(message, problems=[FieldProblem("", "parse_error", message)])
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.Unauthenticated(str(exception.detail))
        case drf.PermissionDenied():
            return errors.Forbidden(str(exception.detail))
        case PermissionDenied():
            return errors.Forbidden(str(exception))
        case Http404() | drf.NotFound():
            return errors.NotFound(str(exception))
        case drf.MethodNotAllowed():
            return errors.MethodNotAllowed(str(exception.detail))
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMediaType(str(exception.detail))
        case drf.Throttled():
            return errors.TooManyRequests(str(exception.detail), retry_after_s=getattr(exception, "wait", None))
        case OperationalError() | InterfaceError():
            return errors.Unavailable("The database does not answer.", retry_after_s=DATABASE_BACK_S)
        case RequestDataTooBig():
            return errors.TooLarge("The body is larger than MAX_BODY_BYTES allows.")
        case _:
            return None


def field_problems(detail: Any, path: str = "") -> list[FieldProblem]:
    """REST framework's nested error detail, flattened to one problem a message, in reading order."""
    if isinstance(detail, Mapping):
        found = []
        for name, inner in detail.items():
            whole = name == api_settings.NON_FIELD_ERRORS_KEY
            step = path if whole else f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}".lstrip(".")
            found += field_problems(inner, step)
        return found
    if isinstance(detail, Sequence) and not isinstance(detail, str):
        found = []
        for index, inner in enumerate(detail):
            # A list holds either the messages of this field, or one (perhaps empty) mapping for each of its items.
            found += field_problems(inner, path if isinstance(inner, str) else f"{path}[{index}]")
        return found
    return [FieldProblem(path, getattr(detail, "code", "invalid"), str(detail))]


def wants_problem_json(request: HttpRequest) -> bool:
    """Whether this client reads JSON rather than pages."""
    return request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", "")


# Requests -------------------------------------------------------------------------------------------------------------


class AlwaysJSON(BaseContentNegotiation):
    """There is one representation, so Accept is not argued about."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        media_type = (request.content_type or "application/json").partition(";")[0].strip().lower()
        acceptable = media_type == "application/json" or media_type.endswith("+json")
        return parsers[0] if acceptable else None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class StrictJSONParser(JSONParser):
    """JSON that the database can hold: no NaN, no NUL, no lone surrogates, no depth that exhausts the stack."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            value = super().parse(stream, media_type, parser_context)
            if not storable(value):
                raise drf.ParseError("JSON parse error - text with NUL or with half a surrogate pair.")
            return value
        except RecursionError:
            raise drf.ParseError("JSON parse error - nested too deeply.") from None


def storable(value: Any) -> bool:
    """Whether the database can hold every text in a JSON value."""
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, dict):
        return all(storable(key) and storable(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(storable, value))
    return True


class StrictSerializer(Serializer[Any]):
    """A serializer that refuses fields it does not know; read-only ones are ignored, so what GET gives can be PUT."""

    def to_internal_value(self, data: Any) -> Any:
        unknown: dict[str, Any] = {}
        if isinstance(data, Mapping):
            unknown = {
                str(name): [drf.ErrorDetail("There is no such field.", code="unknown_field")]
                for name in data
                if name not in self.fields
            }
        try:
            value = super().to_internal_value(data)
        except drf.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise drf.ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise drf.ValidationError(unknown)
        return value


# Permission -----------------------------------------------------------------------------------------------------------


class MayAct(BasePermission):
    """Reading needs the act `view`, everything else `configure`; a view says otherwise with `acts`.

    On a class: `acts = {"PUT": "operate"}`. On a function: `@permission_classes([may("operate")])`.
    """

    writing: ClassVar[str] = "configure"

    def has_permission(self, request: Any, view: Any) -> bool:
        act = "view" if request.method in SAFE_METHODS else self.writing
        act = getattr(view, "acts", {}).get(request.method, act)
        if not request.user or not request.user.is_authenticated:
            return False
        if can(request.user, act, getattr(view, "subject", None)):
            return True
        raise errors.Forbidden(f"Your role does not include the act “{act}”.", act=act)


def may(writing: str) -> type[MayAct]:
    """MayAct with another act for writing."""
    if writing not in ACTS:
        raise ValueError(f"Unknown act {writing!r}: use one of {', '.join(ACTS)}.")
    return type(f"May{writing.title()}", (MayAct,), {"writing": writing})

"""/api/v1/keys and /api/v1/consumers/{slug}/keys: keys identify; they do not authenticate.

A key stands in exactly one answer: the 201 that makes it.
"""

from typing import Any

import msgspec
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.core.api_keys import KeyState
from breakers.documents import checking
from breakers.documents.keys import (
    ImportShape,
    KeyShape,
    KeyView,
    NewKeyShape,
    NewKeyView,
    RotateShape,
    document,
)
from breakers.models import ApiKey
from breakers.operations import consumers, key_import, keys
from breakers.operations.key_import import ImportReport
from breakers.panels.keys import KeySearch
from controlplane.config.commit import current_revision
from controlplane.config.nouns import etag, reason_of
from controlplane.kernel import clock
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid

from .describing import IF_MATCH, REASON
from .key_usage import routes as usage_routes
from .key_usage import said
from .preconditions import held
from .reasons import ReasonShape

TAGS = ["keys"]
LONGEST_LIST = 1000
NO_STORE = {"Cache-Control": "no-store"}


def _asked(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description)


SEARCH = [
    _asked("q", "Words in title, consumer or tags; the beginning of an id or of a key."),
    _asked("consumer", "Slug of the consumer."),
    _asked("plan", "Slug of a usage plan."),
    _asked("tag", "One tag."),
    _asked("state", f"One of {', '.join(KeyState)}."),
    OpenApiParameter("limit", OpenApiTypes.INT, description=f"At most so many; 100 unless told, up to {LONGEST_LIST}."),
    OpenApiParameter("offset", OpenApiTypes.INT, description="Leave out so many of the newest."),
]


class Keys(APIView):
    @extend_schema(tags=TAGS, summary="Search keys, newest first", parameters=SEARCH, responses=KeyView(many=True))
    def get(self, request: Request) -> Response:
        """`X-Total-Count` says how many there are in all."""
        now = clock.now()
        found = _search(request).found(now)
        first, most = _number(request, "offset", 0, 0, 10**9), _number(request, "limit", 100, 1, LONGEST_LIST)
        documents = [document(key, now) for key in found[first : first + most]]
        return Response(documents, headers={"X-Total-Count": str(found.count())})


class ConsumerKeys(APIView):
    @extend_schema(tags=TAGS, summary="The keys of a consumer", responses=KeyView(many=True))
    def get(self, request: Request, slug: str) -> Response:
        consumers.find(slug)
        now = clock.now()
        return Response([document(key, now) for key in keys.rows().filter(consumer__slug=slug)])

    @extend_schema(
        tags=TAGS,
        summary="Make a key, or register one that exists; it is shown this once",
        parameters=[REASON],
        request=NewKeyShape,
        responses={201: NewKeyView},
    )
    def post(self, request: Request, slug: str) -> Response:
        row, secret = keys.create(slug, request.data, by=principal_of(request), reason=reason_of(request))
        return _made(row, secret)


class Key(APIView):
    @extend_schema(tags=TAGS, summary="One key, without its secret", responses=KeyView)
    def get(self, request: Request, id: str) -> Response:
        return _answer(keys.find(id))

    @extend_schema(
        tags=TAGS,
        summary="Change title, tags, plans or expiry (RFC 7396)",
        parameters=[IF_MATCH, REASON],
        request=KeyShape(partial=True),
        responses=KeyView,
    )
    def patch(self, request: Request, id: str) -> Response:
        with held(request, "key", id, keys.find):
            row = keys.patch(id, request.data, by=principal_of(request), reason=reason_of(request))
        return _answer(row)

    @extend_schema(
        tags=TAGS,
        summary="Forget a key that works no more",
        parameters=[IF_MATCH, REASON],
        request=ReasonShape,
        responses={204: OpenApiResponse(description="Done; no body.")},
    )
    def delete(self, request: Request, id: str) -> Response:
        checking.fields(ReasonShape, request.data or {})
        with held(request, "key", id, keys.find):
            keys.delete(id, by=principal_of(request), reason=reason_of(request))
        return Response(status=204)


class Rotate(APIView):
    acts = {"POST": "configure"}

    @extend_schema(
        tags=TAGS,
        summary="Make a successor; both keys work during the grace period",
        parameters=[REASON],
        request=RotateShape,
        responses={201: NewKeyView},
    )
    def post(self, request: Request, id: str) -> Response:
        stated = checking.fields(RotateShape, request.data or {})
        row, secret = keys.rotate(
            id,
            stated.get("grace_s", keys.GRACE_S),
            by=principal_of(request),
            reason=said(request, stated),
            expires_at=stated.get("expires_at"),
            keep_expiry="expires_at" not in stated,
        )
        return _made(row, secret)


class Revoke(APIView):
    acts = {"POST": "configure"}

    @extend_schema(tags=TAGS, summary="End a key at once", parameters=[REASON], request=ReasonShape, responses=KeyView)
    def post(self, request: Request, id: str) -> Response:
        stated = checking.fields(ReasonShape, request.data or {})
        return _answer(keys.revoke(id, by=principal_of(request), reason=said(request, stated)))


class LineView(serializers.Serializer[Any]):
    line = serializers.IntegerField(help_text="0: the file.")
    column = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()


class ImportView(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    keys = serializers.IntegerField(help_text="Made, or to be made.")
    new_consumers = serializers.ListField(child=serializers.CharField())
    unknown_plans = serializers.ListField(child=serializers.CharField())
    notices = LineView(many=True, help_text="What is left out or cut.")
    problems = LineView(many=True)
    ids = serializers.ListField(child=serializers.CharField(), help_text="Of the keys that were made.")


class Import(APIView):
    acts = {"POST": "configure"}

    @extend_schema(
        tags=TAGS,
        summary="Import keys from API Gateway's CSV, all of them or none",
        parameters=[REASON],
        request=ImportShape,
        responses={200: ImportView, 201: ImportView},
    )
    def post(self, request: Request) -> Response:
        """A dry run answers 200 with what would be done and what is wrong in which line; an import 201, or 400."""
        stated = checking.fields(ImportShape, request.data)
        dry = stated.get("dry_run", True)
        report = key_import.import_csv(
            stated["csv"],
            dry_run=dry,
            by=principal_of(request),
            reason=said(request, stated),
            consumer=stated.get("consumer"),
            plans=stated.get("plans", {}),
        )
        if report.problems and not dry:
            raise Invalid("Nothing was imported.", problems=_paths(report))
        return Response(msgspec.to_builtins(report), status=200 if dry else 201)


def _made(row: ApiKey, secret: str) -> Response:
    headers = {**NO_STORE, "Location": f"/api/v1/keys/{row.id}", "ETag": etag(current_revision("key", row.id))}
    return Response({**document(row), "key": secret}, status=201, headers=headers)


def _answer(row: ApiKey) -> Response:
    return Response(document(row), headers={"ETag": etag(current_revision("key", row.id))})


def _search(request: Request) -> KeySearch:
    given = {name: request.query_params.get(name, "").strip() for name in ("q", "consumer", "plan", "tag", "state")}
    if given["state"] and given["state"] not in set(KeyState):
        text = f"Use one of {', '.join(KeyState)}."
        raise Invalid(text, problems=[FieldProblem("state", "invalid", text)])
    return KeySearch(**given)


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not (given.isascii() and given.isdecimal() and len(given) < 12 and least <= int(given) <= most):
        text = f"Use a whole number from {least} to {most}."
        raise Invalid(text, problems=[FieldProblem(name, "invalid", text)])
    return int(given)


def _paths(report: ImportReport) -> list[FieldProblem]:
    return [
        FieldProblem(f"csv.line[{found.line}].{found.column}", found.code, f"{found.message} {found.remedy}".strip())
        for found in report.problems
    ]


routes: list[Any] = [
    path("keys", Keys.as_view(), name="key-list"),
    path("keys/import", Import.as_view(), name="key-import"),
    path("keys/<slug:id>", Key.as_view(), name="key-detail"),
    path("keys/<slug:id>/rotate", Rotate.as_view(), name="key-rotate"),
    path("keys/<slug:id>/revoke", Revoke.as_view(), name="key-revoke"),
    path("consumers/<slug:slug>/keys", ConsumerKeys.as_view(), name="consumer-keys"),
    *usage_routes,
]

"""/api/v1/breakers: circuits as they are, operators' orders over them, probes by hand, and their history."""

from typing import Any

from django.conf import settings
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers import transitions
from breakers.documents import checking, circuits, history, rows
from breakers.documents.circuits import CircuitView
from breakers.documents.fields import WholeNumber
from breakers.documents.history import TransitionView
from breakers.documents.overrides import OverrideShape
from breakers.models import Target, Transition
from breakers.operations import overrides, probes
from breakers.operations.targets import find
from breakers.store.board import BoardReading, read_board
from controlplane.config.models import ConfigHead
from controlplane.config.nouns import etag, reason_of, tags
from controlplane.kernel import valkey
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid
from controlplane.kernel.rest import StrictSerializer

from .reasons import ReasonShape

TAGS = ["breakers"]
LONGEST_LIST = 1000
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='Revision of the order that you saw, or "none"; 409 names who acted first.',
)


class Breakers(APIView):
    @extend_schema(tags=TAGS, summary="All circuits", responses={200: CircuitView(many=True)})
    def get(self, request: Request) -> Response:
        targets = list(rows.targets())
        board, version = _read([target.slug for target in targets])
        return Response([circuits.document(target, board, version) for target in targets])


class Breaker(APIView):
    @extend_schema(tags=TAGS, summary="One circuit", responses={200: CircuitView})
    def get(self, request: Request, target: str) -> Response:
        return _answer(target)


class Override(APIView):
    acts = {"PUT": "operate", "DELETE": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Force open, force closed or disable a circuit",
        parameters=[IF_MATCH],
        request=OverrideShape,
        responses={200: CircuitView},
    )
    def put(self, request: Request, target: str) -> Response:
        stated = checking.fields(OverrideShape, request.data)
        overrides.put(target, **stated, by=principal_of(request), expected=_expected(request))
        return _answer(target)

    @extend_schema(
        tags=TAGS,
        summary="Lift the order: the circuit is automatic again",
        parameters=[IF_MATCH],
        request=ReasonShape,
        responses={204: OpenApiResponse(description="Done; no body.")},
    )
    def delete(self, request: Request, target: str) -> Response:
        checking.fields(ReasonShape, request.data or {})
        overrides.clear(target, reason=reason_of(request), by=principal_of(request), expected=_expected(request))
        return Response(status=204)


class UndoShape(StrictSerializer):
    revision = WholeNumber(min_value=1, help_text="Of the order to take back.")
    reason = ReasonShape().fields["reason"]


class Undo(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Take an order back while it lives; the one that it replaced stands again",
        request=UndoShape,
        responses={200: CircuitView},
    )
    def post(self, request: Request, target: str) -> Response:
        stated = checking.fields(UndoShape, request.data)
        reason = stated.get("reason", "") or reason_of(request)
        overrides.undo(target, expected=stated["revision"], by=principal_of(request), reason=reason)
        return _answer(target)


class ProbeView(serializers.Serializer[Any]):
    passed = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True, help_text="HTTP status of the last call, if it had one.")
    latency_ms = serializers.FloatField(allow_null=True)
    detail = serializers.CharField()


class Probe(APIView):
    acts = {"POST": "operate"}

    @extend_schema(tags=TAGS, summary="Probe now", request=ReasonShape, responses={200: ProbeView})
    def post(self, request: Request, target: str) -> Response:
        stated = checking.fields(ReasonShape, request.data or {})
        reason = stated.get("reason", "") or reason_of(request)
        return Response(probes.now(target, by=principal_of(request), reason=reason))


class Transitions(APIView):
    @extend_schema(
        tags=TAGS,
        summary="A circuit's moves, newest first",
        parameters=[
            OpenApiParameter(
                "limit", OpenApiTypes.INT, description=f"At most so many; 100 unless told, up to {LONGEST_LIST}."
            )
        ],
        responses={200: TransitionView(many=True)},
    )
    def get(self, request: Request, target: str) -> Response:
        if Target.objects.filter(slug=target).exists():
            transitions.drain([target])
        moves = Transition.objects.filter(target=target)[: _limit(request)]
        if not moves:
            find(target)  # a target that is gone has a history; one that never was has not
        return Response([history.document(move) for move in moves])


def _answer(slug: str) -> Response:
    target = find(slug)
    board, version = _read([slug])
    document = circuits.document(target, board, version)
    order = document["override"]
    return Response(document, headers={"ETag": etag(order["revision"]) if order else '"none"'})


def _read(slugs: list[str]) -> tuple[BoardReading, int]:
    head = ConfigHead.objects.values_list("number", flat=True).first()
    return read_board(valkey.shared(), settings.KEY_PREFIX, slugs), head or 0


def _expected(request: Request) -> str | None:
    """The order that the caller saw: one entity tag in If-Match, with or without quotes."""
    seen = {tag.strip('"') for tag in tags(request.headers.get("If-Match"))} - {"*"}
    return next(iter(seen), None)


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", "100")
    if not given.isdecimal() or not 1 <= int(given) <= LONGEST_LIST:
        text = f"Use a whole number from 1 to {LONGEST_LIST}."
        raise Invalid(text, problems=[FieldProblem("limit", "invalid", text)])
    return int(given)


routes: list[Any] = [
    path("breakers", Breakers.as_view(), name="breaker-list"),
    path("breakers/<slug:target>", Breaker.as_view(), name="breaker-detail"),
    path("breakers/<slug:target>/override", Override.as_view(), name="breaker-override"),
    path("breakers/<slug:target>/override/undo", Undo.as_view(), name="breaker-override-undo"),
    path("breakers/<slug:target>/probe", Probe.as_view(), name="breaker-probe"),
    path("breakers/<slug:target>/transitions", Transitions.as_view(), name="breaker-transitions"),
]

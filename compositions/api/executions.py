"""/api/v1/executions: durable executions as they stand, what happened in them, stopping and redriving."""

from typing import Any

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.api.reasons import ReasonShape
from breakers.documents import checking
from compositions.documents import executions as documents
from compositions.documents.executions import EventView, ExecutionView
from compositions.finding import FILTERS, filtered, wrong
from compositions.operations import executions
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of

TAGS = ["executions"]
LONGEST_LIST = 1000


def _parameter(name: str, description: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=description)


PARAMETERS = [
    *(_parameter(name, f"Only with this {name}.") for name in FILTERS),
    _parameter("status", "Only with one of these, separated by commas."),
    _parameter("started_after", "RFC 3339.", OpenApiTypes.DATETIME),
    _parameter("started_before", "RFC 3339.", OpenApiTypes.DATETIME),
    _parameter("before", "The id that the last page ended with: older ones follow."),
    _parameter("limit", f"At most so many; 100 unless told, up to {LONGEST_LIST}.", OpenApiTypes.INT),
]


class Executions(APIView):
    @extend_schema(
        tags=TAGS, summary="Executions, newest first", parameters=PARAMETERS, responses={200: ExecutionView(many=True)}
    )
    def get(self, request: Request) -> Response:
        rows = filtered(request.query_params)[: _limit(request, 100)]
        return Response([documents.brief(row) for row in rows])


class OneExecution(APIView):
    @extend_schema(tags=TAGS, summary="One execution", responses={200: ExecutionView})
    def get(self, request: Request, id: str) -> Response:
        return Response(documents.document(executions.find(id)))


class History(APIView):
    @extend_schema(
        tags=TAGS,
        summary="What happened in an execution, in Step Functions' vocabulary, oldest first",
        parameters=[
            _parameter("after", "The id of the last event of the page before.", OpenApiTypes.INT),
            _parameter("limit", f"At most so many; {LONGEST_LIST} unless told, and no more.", OpenApiTypes.INT),
        ],
        responses={200: EventView(many=True)},
    )
    def get(self, request: Request, id: str) -> Response:
        """Where more follow, `Link` with rel="next" leads there."""
        limit, after = _limit(request, LONGEST_LIST), _after(request)
        events = documents.history(executions.find(id), after, limit + 1)
        if len(events) <= limit:
            return Response(events)
        onward = f"{request.build_absolute_uri(request.path)}?after={events[limit - 1]['id']}&limit={limit}"
        return Response(events[:limit], headers={"Link": f'<{onward}>; rel="next"'})


class Stop(APIView):
    acts = {"POST": "operate"}

    @extend_schema(tags=TAGS, summary="End it where it stands", request=ReasonShape, responses={200: ExecutionView})
    def post(self, request: Request, id: str) -> Response:
        row = executions.stop(id, by=principal_of(request), reason=_reason(request))
        return Response(documents.document(row))


class Redrive(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Take it up again at the step that failed, with the same keys",
        request=ReasonShape,
        responses={200: ExecutionView},
    )
    def post(self, request: Request, id: str) -> Response:
        row = executions.redrive(id, by=principal_of(request), reason=_reason(request))
        return Response(documents.document(row))


def _limit(request: Request, otherwise: int) -> int:
    given = request.query_params.get("limit", str(otherwise))
    if not given.isdecimal() or not 1 <= int(given) <= LONGEST_LIST:
        raise wrong("limit", f"Use a whole number from 1 to {LONGEST_LIST}.")
    return int(given)


def _after(request: Request) -> int:
    given = request.query_params.get("after", "0")
    if not given.isdecimal() or len(given) > 9:
        raise wrong("after", "Use the id of an event, a whole number.")
    return int(given)


def _reason(request: Request) -> str:
    stated = checking.fields(ReasonShape, request.data or {})
    return str(stated.get("reason", "")) or reason_of(request)


urlpatterns = [
    path("executions", Executions.as_view(), name="execution-list"),
    path("executions/<slug:id>", OneExecution.as_view(), name="execution-detail"),
    path("executions/<slug:id>/history", History.as_view(), name="execution-history"),
    path("executions/<slug:id>/stop", Stop.as_view(), name="execution-stop"),
    path("executions/<slug:id>/redrive", Redrive.as_view(), name="execution-redrive"),
]

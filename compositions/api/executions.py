"""/api/v1/executions: durable executions as they stand, what happened in them, stopping and redriving."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.api.reasons import ReasonShape
from breakers.documents import checking
from compositions.documents import executions as documents
from compositions.documents.executions import EventView, ExecutionView
from compositions.models import Execution
from compositions.models.executions import ExecutionStatus
from compositions.operations import executions
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid

TAGS = ["executions"]
LONGEST_LIST = 1000
FILTERS = {
    "composition": "composition",
    "pipe": "pipe",
    "intent": "intent",
    "parent": "parent",
    "parked_on": "parked_on",
    "error": "error",
    "name": "name",
}


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
        rows = filtered(request.query_params)[: _limit(request)]
        return Response([documents.brief(row) for row in rows])


class OneExecution(APIView):
    @extend_schema(tags=TAGS, summary="One execution", responses={200: ExecutionView})
    def get(self, request: Request, id: str) -> Response:
        return Response(documents.document(executions.find(id)))


class History(APIView):
    @extend_schema(
        tags=TAGS,
        summary="What happened in an execution, in Step Functions' vocabulary, oldest first",
        responses={200: EventView(many=True)},
    )
    def get(self, request: Request, id: str) -> Response:
        return Response(documents.history(executions.find(id)))


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


def filtered(given: Any) -> QuerySet[Execution]:
    """The executions that query parameters ask for, newest first. Raises Invalid with the parameter's name."""
    rows = Execution.objects.order_by("-pk")
    for name, column in FILTERS.items():
        if value := given.get(name):
            rows = rows.filter(**{column: value})
    if statuses := [word for word in given.get("status", "").split(",") if word]:
        unknown = sorted(set(statuses) - set(ExecutionStatus.values))
        if unknown:
            raise _wrong("status", f"There is no status {unknown[0]!r}; use {', '.join(ExecutionStatus.values)}.")
        rows = rows.filter(status__in=statuses)
    for name, lookup in (("started_after", "started_at__gte"), ("started_before", "started_at__lt")):
        if value := given.get(name):
            rows = rows.filter(**{lookup: _moment(name, value)})
    if before := given.get("before"):
        rows = rows.filter(pk__lt=before)
    return rows


def _moment(name: str, value: str) -> Any:
    try:
        moment = parse_datetime(value.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _wrong(name, "Use RFC 3339 with an offset, as in 2026-05-04T10:20:30Z.")
    return moment


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", "100")
    if not given.isdecimal() or not 1 <= int(given) <= LONGEST_LIST:
        raise _wrong("limit", f"Use a whole number from 1 to {LONGEST_LIST}.")
    return int(given)


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, problems=[FieldProblem(name, "invalid", text)])


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

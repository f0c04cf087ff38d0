"""/api/v1/tasks: steps that wait for a result from outside, and how it is given."""

from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from breakers.documents.fields import Text
from compositions.documents import executions as documents
from compositions.documents.executions import TaskView
from compositions.models import TaskToken
from compositions.models.executions import TaskStatus
from compositions.operations import tasks
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid
from controlplane.kernel.rest import StrictSerializer

TAGS = ["tasks"]
MOST = 1000
LONGEST_CAUSE = 32_768


class SuccessShape(StrictSerializer):
    output = serializers.JSONField(required=False, allow_null=True, help_text="The step's result; default {}.")
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")


class FailureShape(StrictSerializer):
    error = Text(required=False, max_length=256, help_text="A name that Retry and Catch may take. Default TaskFailed.")
    cause = Text(required=False, allow_blank=True, max_length=LONGEST_CAUSE, help_text="What is behind it, in words.")
    reason = Text(required=False, max_length=500, help_text="Why; kept in the audit. X-Reason will do as well.")


class Tasks(APIView):
    @extend_schema(
        tags=TAGS,
        summary="Tasks that wait, those due first",
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR, description="Another status than WAITING."),
            OpenApiParameter("manual", OpenApiTypes.BOOL, description="true: only those that wait for a person."),
            OpenApiParameter("execution", OpenApiTypes.STR, description="Only those of this execution."),
        ],
        responses={200: TaskView(many=True)},
    )
    def get(self, request: Request) -> Response:
        given = request.query_params
        status = given.get("status", TaskStatus.WAITING)
        if status not in TaskStatus.values:
            text = f"There is no status {status!r}; use {', '.join(TaskStatus.values)}."
            raise Invalid(text, problems=[FieldProblem("status", "invalid_choice", text)])
        rows = TaskToken.objects.filter(status=status)
        if execution := given.get("execution"):
            rows = rows.filter(execution=execution)
        if given.get("manual", "").lower() in ("1", "true"):
            rows = rows.filter(manual=True)
        return Response([documents.task(row) for row in rows[:MOST]])


class OneTask(APIView):
    @extend_schema(tags=TAGS, summary="One task", responses={200: TaskView})
    def get(self, request: Request, token: str) -> Response:
        return Response(documents.task(tasks.find(token)))


class Succeed(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS, summary="Give the result; 409 when it has one", request=SuccessShape, responses={200: TaskView}
    )
    def post(self, request: Request, token: str) -> Response:
        stated = checking.fields(SuccessShape, request.data or {})
        reason = stated.get("reason", "") or reason_of(request)
        row = tasks.complete_task(token, stated.get("output", {}), by=principal_of(request), reason=reason)
        return Response(documents.task(row))


class Fail(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Say that it failed; 409 when it has a result",
        request=FailureShape,
        responses={200: TaskView},
    )
    def post(self, request: Request, token: str) -> Response:
        stated = checking.fields(FailureShape, request.data or {})
        reason = stated.get("reason", "") or reason_of(request)
        error, cause = stated.get("error", "TaskFailed"), stated.get("cause", "")
        return Response(documents.task(tasks.fail_task(token, error, cause, by=principal_of(request), reason=reason)))


class Heartbeat(APIView):
    acts = {"POST": "operate"}

    @extend_schema(tags=TAGS, summary="Say that somebody is at work on it", request=None, responses={200: TaskView})
    def post(self, request: Request, token: str) -> Response:
        return Response(documents.task(tasks.heartbeat(token)))


urlpatterns = [
    path("tasks", Tasks.as_view(), name="task-list"),
    path("tasks/<slug:token>", OneTask.as_view(), name="task-detail"),
    path("tasks/<slug:token>/succeed", Succeed.as_view(), name="task-succeed"),
    path("tasks/<slug:token>/fail", Fail.as_view(), name="task-fail"),
    path("tasks/<slug:token>/heartbeat", Heartbeat.as_view(), name="task-heartbeat"),
]

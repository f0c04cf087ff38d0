"""/api/v1/alarm-sources, their secrets and messages, and /api/v1/alarms/{source}, where alarms are posted."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.alarms import intake
from breakers.documents import checking
from breakers.documents.alarm_sources import AlarmSourceShape, document, message_document
from breakers.documents.defaults import Document
from breakers.documents.fields import WholeNumber
from breakers.models import AlarmMessage, AlarmSource
from breakers.operations import alarm_sources
from controlplane.config.nouns import NounViewSet, reason_of
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import MethodNotAllowed, Problem, TooLarge
from controlplane.kernel.rest import problem_from, problem_response

from .describing import noun
from .reasons import ReasonShape

SHOWN = 100


@noun("alarm-sources", AlarmSourceShape, one="alarm source")
class AlarmSources(NounViewSet):
    kind = "alarm-source"
    queryset = AlarmSource.objects.all()
    serializer_class = AlarmSourceShape

    def document(self, row: AlarmSource) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> AlarmSource:
        return alarm_sources.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: AlarmSource, *, by: Principal, reason: str) -> None:
        alarm_sources.delete(row.slug, by=by, reason=reason)


class NewSecretShape(ReasonShape):
    grace_s = WholeNumber(
        required=False, min_value=0, max_value=604_800, help_text="So long the old one is accepted. Default a day."
    )


class SecretView(serializers.Serializer[Any]):
    secret = serializers.CharField()
    previous_valid_until = serializers.DateTimeField(allow_null=True)


class Secret(APIView):
    """It stands in this one answer, and nowhere else."""

    @extend_schema(
        tags=["alarm-sources"], summary="Make a new shared secret", request=NewSecretShape, responses={201: SecretView}
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(NewSecretShape, request.data or {})
        reason = stated.pop("reason", "") or reason_of(request)
        secret, until = alarm_sources.new_secret(slug, by=principal_of(request), reason=reason, **stated)
        told = {"secret": secret, "previous_valid_until": rfc3339(until)}
        return Response(told, status=201, headers={"Cache-Control": "no-store"})


class MessageView(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    alarm = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    target = serializers.CharField(allow_null=True)
    outcome = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)


class Messages(APIView):
    """What came in, newest first; at most 100."""

    @extend_schema(tags=["alarm-sources"], summary="What came in", responses={200: MessageView(many=True)})
    def get(self, request: Request, slug: str) -> Response:
        rows = AlarmMessage.objects.filter(source=alarm_sources.find(slug).slug)[:SHOWN]
        return Response([message_document(row) for row in rows])


@csrf_exempt
def alarms(request: HttpRequest, slug: str) -> HttpResponse:
    """Where alarms are posted. There is no login here: the message proves where it comes from."""
    try:
        if request.method != "POST":
            raise MethodNotAllowed("Post the alarm.")
        announced = request.headers.get("Content-Length") or "0"
        if not announced.isdecimal() or int(announced) > intake.LONGEST_BODY:
            raise TooLarge("An alarm has 300 kB at most.")
        told = intake.receive(slug, request.headers, request.body)
    except Exception as error:
        problem = error if isinstance(error, Problem) else problem_from(error)
        if problem is None:
            raise
        response = problem_response(problem)
        if problem.status == 405:
            response["Allow"] = "POST"
        return response
    return HttpResponse(json.dumps(told), "application/json", headers={"Cache-Control": "no-store"})


routes: list[Any] = [
    *AlarmSources.routes("alarm-sources"),
    path("alarm-sources/<slug:slug>/secret", Secret.as_view(), name="alarm-source-secret"),
    path("alarm-sources/<slug:slug>/messages", Messages.as_view(), name="alarm-source-messages"),
    path("alarms/<slug:slug>", alarms, name="alarms"),
]

"""/api/v1/journeys, and an operator's word on their delay."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.journeys import DelayShape, JourneyShape, document
from breakers.models import Journey, JourneyDelay
from breakers.operations import journeys
from controlplane.config.nouns import NounViewSet, reason_of
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.clock import rfc3339

from .describing import noun
from .reasons import ReasonShape


@noun("journeys", JourneyShape, one="journey")
class Journeys(NounViewSet):
    kind = "journey"
    queryset = Journey.objects.prefetch_related("steps__target", "messages")
    serializer_class = JourneyShape

    def document(self, row: Journey) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Journey:
        return journeys.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Journey, *, by: Principal, reason: str) -> None:
        journeys.delete(row.slug, by=by, reason=reason)


class DelayView(serializers.Serializer[Any]):
    delayed = serializers.BooleanField()
    message = serializers.CharField(allow_blank=True)
    severity = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField()
    since = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


class Delay(APIView):
    """An operator's word; it outranks what the journey's circuits say."""

    acts = {"PUT": "operate", "DELETE": "operate"}

    @extend_schema(
        tags=["journeys"],
        summary="Say that a journey is delayed, or not",
        request=DelayShape,
        responses={200: DelayView},
    )
    def put(self, request: Request, slug: str) -> Response:
        stated = checking.fields(DelayShape, request.data)
        return Response(_word(journeys.put_delay(slug, **stated, by=principal_of(request))))

    @extend_schema(
        tags=["journeys"],
        summary="Back to automatic",
        request=ReasonShape,
        responses={204: OpenApiResponse(description="Done; no body.")},
    )
    def delete(self, request: Request, slug: str) -> Response:
        checking.fields(ReasonShape, request.data or {})
        journeys.clear_delay(slug, reason=reason_of(request), by=principal_of(request))
        return Response(status=204)


def _word(row: JourneyDelay) -> dict[str, Any]:
    return {
        "delayed": row.delayed,
        "message": row.message,
        "severity": row.severity,
        "reason": row.reason,
        "by": row.by,
        "since": rfc3339(row.since),
        "expires_at": rfc3339(row.expires_at),
    }


routes: list[Any] = [
    *Journeys.routes("journeys"),
    path("journeys/<slug:slug>/delay", Delay.as_view(), name="journey-delay"),
]

"""/api/v1/pipes"""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.api.describing import noun
from breakers.api.reasons import ReasonShape
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.fields import Flag, Text, WholeNumber
from compositions import backlogs
from compositions.documents.pipes import PipeShape, document
from compositions.models import Pipe
from compositions.operations import bulk, dead_letters, pipes
from controlplane.config.commit import current_revision
from controlplane.config.nouns import NounViewSet, etag, reason_of
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.rest import StrictSerializer

TAGS = ["pipes"]
MOST_REDRIVEN = 10_000


@noun("pipes", PipeShape, one="pipe")
class Pipes(NounViewSet):
    kind = "pipe"
    queryset = Pipe.objects.all()
    serializer_class = PipeShape

    def document(self, row: Pipe) -> Document:
        return shown(row)

    def stated(self, row: Pipe) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Pipe:
        return pipes.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Pipe, *, by: Principal, reason: str) -> None:
        pipes.delete(row.slug, by=by, reason=reason)

    def list(self, request: Request) -> Response:
        found = list(self.get_queryset())
        live = backlogs.live(found)
        return Response([document(row) | live[row.slug] for row in found])

    def retrieve(self, request: Request, slug: str) -> Response:
        """Never 304: what the ETag stands for is the configuration, and the backlog moves without it."""
        row = self._found(slug)
        headers = {"ETag": etag(current_revision(self.kind, slug)), "Cache-Control": "no-store"}
        return Response(shown(row), headers=headers)


def shown(row: Pipe) -> Document:
    return document(row) | backlogs.live([row])[row.slug]


class _Desiring(APIView):
    acts = {"POST": "operate"}

    def _given(self, request: Request) -> str:
        stated = checking.fields(ReasonShape, request.data or {})
        return str(stated.get("reason", "")) or reason_of(request)


class Start(_Desiring):
    @extend_schema(tags=TAGS, summary="Let a pipe run again", request=ReasonShape, responses={200: PipeShape})
    def post(self, request: Request, slug: str) -> Response:
        return Response(shown(pipes.start(slug, by=principal_of(request), reason=self._given(request))))


class Stop(_Desiring):
    @extend_schema(
        tags=TAGS, summary="Stop a pipe: accepted intents wait", request=ReasonShape, responses={200: PipeShape}
    )
    def post(self, request: Request, slug: str) -> Response:
        return Response(shown(pipes.stop(slug, by=principal_of(request), reason=self._given(request))))


class RedriveShape(StrictSerializer):
    reason = ReasonShape().fields["reason"]
    intents = serializers.ListField(
        child=Text(max_length=32), required=False, min_length=1, max_length=1000, help_text="Default: all dead letters."
    )
    limit = WholeNumber(
        required=False, min_value=1, max_value=MOST_REDRIVEN, help_text="The oldest so many. Default: all."
    )
    preview = Flag(required=False, help_text="True: say what would be taken up again, and do nothing.")


class DeadLetterView(serializers.Serializer[Any]):
    id = serializers.CharField()
    accepted_at = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    execution = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class RedriveView(serializers.Serializer[Any]):
    redriven = serializers.IntegerField(help_text="Taken up again by now; 0 in a preview, and of an order.")
    matching = serializers.IntegerField(help_text="Dead letters that were meant.")
    intents = DeadLetterView(many=True, help_text="The first of them.")


class Redrive(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Take dead letters up again: at once where they are few or named, many as an order (202)",
        request=RedriveShape,
        responses={200: RedriveView, 202: RedriveView},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(RedriveShape, request.data or {})
        chosen = dead_letters.Chosen(tuple(stated.get("intents", ())), stated.get("limit"))
        if stated.get("preview"):
            return Response(_told(dead_letters.preview(slug, chosen), 0))
        reason = stated.get("reason", "") or reason_of(request)
        found, order = bulk.redrive(slug, chosen, by=principal_of(request), reason=reason)
        if order is not None:
            return Response(_told(found, 0), status=202)
        return Response(_told(found, found.matching))


class DeadLetters(APIView):
    @extend_schema(tags=TAGS, summary="Dead letters of a pipe, the oldest first", responses={200: RedriveView})
    def get(self, request: Request, slug: str) -> Response:
        return Response(_told(dead_letters.preview(slug, dead_letters.Chosen()), 0))


def _told(found: dead_letters.Found, redriven: int) -> Document:
    return {"redriven": redriven, "matching": found.matching, "intents": found.first}


urlpatterns = [
    *Pipes.routes("pipes"),
    path("pipes/<slug:slug>/start", Start.as_view(), name="pipe-start"),
    path("pipes/<slug:slug>/stop", Stop.as_view(), name="pipe-stop"),
    path("pipes/<slug:slug>/redrive", Redrive.as_view(), name="pipe-redrive"),
    path("pipes/<slug:slug>/dead-letters", DeadLetters.as_view(), name="pipe-dead-letters"),
]

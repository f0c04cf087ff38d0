"""/api/v1/actions, how each fares, and trying one again."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from breakers.documents.actions import ActionShape, document
from breakers.documents.defaults import Document
from breakers.models import Action
from breakers.operations import actions
from breakers.panels.actions import state
from controlplane.config.nouns import NounViewSet, reason_of
from controlplane.kernel.access import Principal, principal_of

from .describing import noun
from .reasons import ReasonShape


@noun("actions", ActionShape, one="action")
class Actions(NounViewSet):
    kind = "action"
    queryset = Action.objects.all()
    serializer_class = ActionShape

    def document(self, row: Action) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Action:
        return actions.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: Action, *, by: Principal, reason: str) -> None:
        actions.delete(row.slug, by=by, reason=reason)


class StateView(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["idle", "reached", "on the way", "failing"])
    desired = serializers.CharField(allow_null=True)
    actual = serializers.CharField(allow_null=True)
    seen_at = serializers.DateTimeField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
    next_try_at = serializers.DateTimeField(allow_null=True)
    calls = serializers.ListField(child=serializers.DictField())


class State(APIView):
    """Desired and actual state, and the last calls."""

    @extend_schema(tags=["actions"], summary="How an action fares", responses={200: StateView})
    def get(self, request: Request, slug: str) -> Response:
        return Response(state(actions.find(slug)))


class Retry(APIView):
    """Due at once; the worker takes it within two seconds."""

    acts = {"POST": "operate"}

    @extend_schema(tags=["actions"], summary="Try again at once", request=ReasonShape, responses={202: StateView})
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(ReasonShape, request.data or {})
        reason = stated.get("reason", "") or reason_of(request)
        return Response(state(actions.retry(slug, by=principal_of(request), reason=reason)), status=202)


routes: list[Any] = [
    *Actions.routes("actions"),
    path("actions/<slug:slug>/state", State.as_view(), name="action-state"),
    path("actions/<slug:slug>/retry", Retry.as_view(), name="action-retry"),
]

"""/api/v1/keys/{id}/usage: what a key's consumer has used of its quotas; starting one anew, and granting more."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from breakers.documents.fields import Slug, WholeNumber
from breakers.operations import usage
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of

from .describing import REASON
from .reasons import ReasonShape

TAGS = ["keys"]


class ResetShape(ReasonShape):
    plan = Slug(required=False, allow_null=True, help_text="Default: every plan of the key that has a quota.")


class ExtendShape(ReasonShape):
    amount = WholeNumber(
        min_value=1, max_value=usage.LARGEST_EXTENSION, help_text="Requests on top of the limit, in this period."
    )
    plan = Slug(required=False, allow_null=True, help_text="Needed when several plans of the key have a quota.")


class QuotaView(serializers.Serializer[Any]):
    plan = serializers.CharField()
    period = serializers.CharField()
    limit = serializers.IntegerField()
    extra = serializers.IntegerField(help_text="Granted on top in this period.")
    used = serializers.IntegerField(help_text="Ahead of use by what front doors hold, for about a second.")
    left = serializers.IntegerField()
    starts_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="When it will be used up at the present pace; null: it outlasts the period."
    )


class UsageView(serializers.Serializer[Any]):
    key = serializers.CharField()
    consumer = serializers.CharField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    quotas = QuotaView(many=True)


class Usage(APIView):
    @extend_schema(tags=TAGS, summary="Use of the quotas of a key's consumer", responses=UsageView)
    def get(self, request: Request, id: str) -> Response:
        return Response(usage.read(id))


class Reset(APIView):
    acts = {"POST": "configure"}

    @extend_schema(
        tags=TAGS, summary="Start the present period anew", parameters=[REASON], request=ResetShape, responses=UsageView
    )
    def post(self, request: Request, id: str) -> Response:
        stated = checking.fields(ResetShape, request.data or {})
        return Response(
            usage.reset(id, by=principal_of(request), reason=said(request, stated), plan=stated.get("plan"))
        )


class Extend(APIView):
    acts = {"POST": "configure"}

    @extend_schema(
        tags=TAGS,
        summary="Grant more in the present period",
        parameters=[REASON],
        request=ExtendShape,
        responses=UsageView,
    )
    def post(self, request: Request, id: str) -> Response:
        stated = checking.fields(ExtendShape, request.data or {})
        return Response(
            usage.extend(
                id, stated["amount"], by=principal_of(request), reason=said(request, stated), plan=stated.get("plan")
            )
        )


def said(request: Request, stated: dict[str, Any]) -> str:
    """The reason of a POST: in its body, or in X-Reason."""
    return str(stated.get("reason") or reason_of(request))


routes: list[Any] = [
    path("keys/<slug:id>/usage", Usage.as_view(), name="key-usage"),
    path("keys/<slug:id>/usage/reset", Reset.as_view(), name="key-usage-reset"),
    path("keys/<slug:id>/usage/extend", Extend.as_view(), name="key-usage-extend"),
]

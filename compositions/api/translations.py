"""/api/v1/compositions/{slug}/translate: an old payload and both sides of what is made of it."""

from typing import Any

import msgspec
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from compositions import trying
from controlplane.audit.chain import record
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.rest import StrictSerializer


class PayloadShape(StrictSerializer):
    payload = serializers.JSONField(allow_null=True, help_text="What an old client sends as its body.")


class ExchangedView(serializers.Serializer[Any]):
    state = serializers.CharField()
    resource = serializers.CharField()
    arguments = serializers.JSONField(help_text="What the definition made for the new side.")
    result = serializers.JSONField(allow_null=True, help_text="What came back.")
    error = serializers.CharField(allow_null=True)
    cause = serializers.CharField(allow_null=True)


class TranslationView(serializers.Serializer[Any]):
    input = serializers.JSONField(help_text="What a route to the composition would give it.")
    calls = ExchangedView(many=True)
    status = serializers.CharField(help_text="SUCCEEDED, FAILED or TIMED_OUT.")
    output = serializers.JSONField(allow_null=True, help_text="What the old client gets.")
    error = serializers.CharField(allow_null=True)
    cause = serializers.CharField(allow_null=True)
    ms = serializers.FloatField()


class Translate(APIView):
    """The calls are real."""

    acts = {"POST": "operate"}

    @extend_schema(
        tags=["compositions"],
        summary="Send an old payload through an EXPRESS composition and see both sides",
        request=PayloadShape,
        responses={200: TranslationView},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(PayloadShape, request.data)
        sides = trying.translate(slug, stated["payload"])
        record(
            action="composition.run",
            subject=f"composition:{slug}",
            by=principal_of(request),
            after={"status": sides.status, "ms": round(sides.ms)},
            reason=reason_of(request) or "a payload was translated",
        )
        return Response(msgspec.to_builtins(sides))


urlpatterns: list[Any] = [path("compositions/<slug:slug>/translate", Translate.as_view(), name="composition-translate")]

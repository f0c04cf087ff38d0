"""/api/v1/compositions/{slug}/runs: running a composition by hand."""

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from compositions.operations import runs
from compositions.resources.context import FORCED
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.rest import StrictSerializer

TAGS = ["compositions"]


class RunShape(StrictSerializer):
    input = serializers.JSONField(required=False, allow_null=True, help_text="The workflow's input; default {}.")
    forced = serializers.DictField(
        child=serializers.ChoiceField(FORCED),
        required=False,
        help_text="Targets by slug that this run sees open, slow, stale or failing. No circuit hears of it.",
    )


class RunView(serializers.Serializer):
    status = serializers.CharField(help_text="SUCCEEDED, FAILED or TIMED_OUT.")
    output = serializers.JSONField(required=False)
    error = serializers.CharField(required=False, allow_null=True)
    cause = serializers.CharField(required=False, allow_null=True)
    complete = serializers.BooleanField(help_text="Whether nothing was left out: what X-Completed would say.")
    ms = serializers.FloatField()
    met = serializers.ListField(child=serializers.DictField(), help_text="Every call, with where its answer is from.")
    trace = serializers.ListField(child=serializers.DictField(), help_text="Every state in order.")


class Runs(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Run a composition now",
        request=RunShape,
        responses={200: RunView, 202: OpenApiResponse(description='STANDARD: {"execution": id}.')},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(RunShape, request.data or {})
        status, document = runs.start(
            slug,
            stated.get("input", {}),
            forced=stated.get("forced"),
            by=principal_of(request),
            reason=reason_of(request),
        )
        return Response(document, status=status)


urlpatterns = [path("compositions/<slug:slug>/runs", Runs.as_view(), name="composition-runs")]

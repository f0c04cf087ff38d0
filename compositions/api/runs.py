"""/api/v1/compositions/{slug}/runs: running a composition by hand, and how its runs behind routes went."""

from datetime import timedelta

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from compositions.models.runs import Why
from compositions.operations import compositions, runs
from compositions.resources.context import FORCED
from compositions.runs import figures, reading
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid
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


class FiguresView(serializers.Serializer):
    span_s = serializers.IntegerField(help_text="The last so many seconds, in whole minutes.")
    runs = serializers.IntegerField()
    complete = serializers.FloatField(allow_null=True, help_text="Share of the runs (0-1); null without any.")
    failed = serializers.IntegerField(help_text="Runs without an answer.")
    from_cache = serializers.FloatField(allow_null=True, help_text="Share of the runs that used a kept answer.")
    calls = serializers.IntegerField()
    kept_answers = serializers.FloatField(allow_null=True, help_text="Share of the calls answered from what is kept.")
    p50_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    p99_ms = serializers.FloatField(allow_null=True)


class KeptRunView(serializers.Serializer):
    id = serializers.IntegerField()
    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    ms = serializers.FloatField()
    status = serializers.CharField()
    complete = serializers.BooleanField()
    why = serializers.ChoiceField(Why.values, help_text="Why it is kept.")
    error = serializers.CharField(allow_null=True)
    cause = serializers.CharField(allow_null=True)
    calls = serializers.ListField(child=serializers.DictField(), help_text="Whom it met, from where, how long.")


class NotedView(serializers.Serializer):
    figures = FiguresView()
    kept = KeptRunView(many=True, help_text="Newest first; bodies are never kept.")


class Runs(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="How runs behind routes went lately, and those that are kept",
        parameters=[
            OpenApiParameter("span_s", int, description="60 to 86400; default 3600."),
            OpenApiParameter("why", str, enum=Why.values, description="Only runs that are kept because of this."),
            OpenApiParameter("limit", int, description="1 to 1000; default 100."),
        ],
        responses={200: NotedView},
    )
    def get(self, request: Request, slug: str) -> Response:
        compositions.find(slug)
        span_s = _number(request, "span_s", 3600, 60, 86_400)
        why = request.query_params.get("why", "")
        if why and why not in Why.values:
            raise _wrong("why", f"Use one of {', '.join(Why.values)}.")
        found = reading.lately([slug], timedelta(seconds=span_s)).get(slug) or figures.told(figures.empty())
        told = {name: value for name, value in found._asdict().items() if not name.startswith("p")}
        told |= {f"{name}_ms": getattr(found, name) for name in ("p50", "p95", "p99")}
        rows = reading.kept(slug, why)[: _number(request, "limit", 100, 1, 1000)]
        return Response({"figures": {"span_s": span_s, **told}, "kept": [reading.document(row) for row in rows]})

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


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query_params.get(name, str(default))
    if not given.isdecimal() or len(given) > 10 or not least <= int(given) <= most:
        raise _wrong(name, f"Use a whole number from {least} to {most}.")
    return int(given)


def _wrong(name: str, text: str) -> Invalid:
    return Invalid(text, problems=[FieldProblem(name, "invalid", text)])


urlpatterns = [path("compositions/<slug:slug>/runs", Runs.as_view(), name="composition-runs")]

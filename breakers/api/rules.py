"""/api/v1/request-rules, what they matched lately, and a tester that changes nothing."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers import rules_reading
from breakers.admission.trials import LOCAL, Described, Tried
from breakers.core.networks import parse_address
from breakers.documents import checking
from breakers.documents.defaults import Document
from breakers.documents.fields import Checked, Slug, Text, WholeNumber
from breakers.documents.rules import RuleShape, document
from breakers.models import RequestRule
from breakers.operations import rules
from controlplane.config.nouns import NounViewSet
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Unavailable
from controlplane.kernel.rest import StrictSerializer

from .describing import noun


@noun("request-rules", RuleShape, one="request rule")
class Rules(NounViewSet):
    kind = "rule"
    queryset = rules.rows()
    serializer_class = RuleShape

    def document(self, row: RequestRule) -> Document:
        return document(row)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> RequestRule:
        return rules.put(slug, values, by=by, reason=reason)[0]

    def remove(self, row: RequestRule, *, by: Principal, reason: str) -> None:
        rules.delete(row.slug, by=by, reason=reason)


def _address(text: str) -> None:
    if parse_address(text) is None:
        raise ValueError("This is not an IP address; write 192.0.2.7")


class DescribedShape(StrictSerializer):
    method = Text(required=False, max_length=20, help_text="Default GET.")
    path = Text(required=False, max_length=4000, help_text="With the query, as sent: /api/x?q=1. Default /.")
    headers = serializers.DictField(child=Text(allow_blank=True, max_length=8000), required=False, help_text="By name.")
    ip = Checked(_address, required=False, help_text=f"Address of the peer. Default {LOCAL}.")
    stage = Slug(required=False, help_text="Default main.")
    route = Slug(required=False)
    key = Text(required=False, help_text="Id of an API key.")
    consumer = Slug(required=False)
    body_bytes = WholeNumber(required=False, min_value=0, help_text="Default 0.")
    seen = WholeNumber(
        required=False, min_value=0, help_text="Requests like it that the client sent in the window before. Default 0."
    )

    def validate_path(self, given: str) -> str:
        if not given.startswith("/"):
            raise serializers.ValidationError(f"A path begins with a slash; write /{given[:60]}.", "invalid")
        return given


class TrialShape(StrictSerializer):
    requests = serializers.ListField(child=DescribedShape(), min_length=1, max_length=100)


class OutcomeView(serializers.Serializer[Any]):
    action = serializers.CharField(help_text="pass, allow, challenge or block.")
    rule = serializers.CharField(allow_null=True, help_text="The rule that decided.")
    matched = serializers.ListField(child=serializers.CharField(), help_text="Rules that acted on the way.")
    labels = serializers.ListField(child=serializers.CharField())
    status = serializers.IntegerField(allow_null=True, help_text="Of the refusal, if it is one.")


class TriedView(serializers.Serializer[Any]):
    matches = serializers.BooleanField(help_text="The rule's statement fits.")
    acts = serializers.BooleanField(help_text="It fits, and the rate, if there is one, is exceeded.")
    forwarded_ip = serializers.CharField(help_text="The client's address as trusted proxies vouch for it.")
    all_rules = OutcomeView(help_text="What the whole list would do.")


class TrialView(serializers.Serializer[Any]):
    results = TriedView(many=True)


class RuleCountsView(serializers.Serializer[Any]):
    last_5_min = serializers.DictField(child=serializers.IntegerField(), help_text="Requests by what was done.")
    last_24_h = serializers.DictField(child=serializers.IntegerField())


class TopView(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="What the rule counts by.")
    count = serializers.IntegerField()


class SampleView(serializers.Serializer[Any]):
    at_ms = serializers.IntegerField()
    outcome = serializers.CharField()
    method = serializers.CharField()
    path = serializers.CharField()
    query = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    headers = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    ip = serializers.CharField()
    forwarded_ip = serializers.CharField()
    stage = serializers.CharField()
    route = serializers.CharField()
    key = serializers.CharField(allow_null=True)
    consumer = serializers.CharField(allow_null=True)
    labels = serializers.ListField(child=serializers.CharField())
    count = serializers.IntegerField(allow_null=True, help_text="What a rate rule had counted with it.")


class SamplesView(serializers.Serializer[Any]):
    rule = serializers.SlugField()
    counts = RuleCountsView()
    top = TopView(many=True)
    samples = SampleView(many=True)


class RuleTest(APIView):
    """Would the rule match, and what would the whole list do? Nothing is counted."""

    acts = {"POST": "view"}

    @extend_schema(
        tags=["request-rules"], summary="Try requests out on a rule", request=TrialShape, responses={200: TrialView}
    )
    def post(self, request: Request, slug: str) -> Response:
        rule = document(rules.find(slug))
        stated = checking.fields(TrialShape, request.data)["requests"]
        described = [Described(**{**one, "headers": tuple(one.get("headers", {}).items())}) for one in stated]
        return Response({"results": [_tried(tried) for tried in rules_reading.try_rule(rule, described)]})


class Samples(APIView):
    """The newest requests on which the rule acted; credentials are left out."""

    @extend_schema(
        tags=["request-rules"],
        summary="Sampled requests, and which clients matched most",
        responses={200: SamplesView},
    )
    def get(self, request: Request, slug: str) -> Response:
        row = rules_reading.rule_row(slug)
        if not row.ok:
            raise Unavailable("Valkey does not answer, so the samples are not known now.", retry_after_s=1)
        top = [{"key": key, "count": count} for key, count in row.top]
        counts = {"last_5_min": row.last_5_min, "last_24_h": row.last_day}
        return Response({"rule": slug, "counts": counts, "top": top, "samples": row.samples})


def _tried(tried: Tried) -> Document:
    verdict = tried.verdict
    status = None
    if verdict.action == "block":
        status = verdict.answer.status if verdict.answer else 403 if verdict.rate is None else 429
    elif verdict.action == "challenge":
        status = 403
    return {
        "matches": tried.matches,
        "acts": tried.acts,
        "forwarded_ip": tried.client,
        "all_rules": {
            "action": verdict.action,
            "rule": verdict.rule or None,
            "matched": list(verdict.matched),
            "labels": sorted(verdict.labels),
            "status": status,
        },
    }


routes: list[Any] = [
    *Rules.routes("request-rules"),
    path("request-rules/<slug:slug>/test", RuleTest.as_view(), name="rule-test"),
    path("request-rules/<slug:slug>/samples", Samples.as_view(), name="rule-samples"),
]

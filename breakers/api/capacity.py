"""/api/v1/capacity: what limits let through at worst, against what targets take."""

from typing import Any

import msgspec
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers import capacity
from breakers.core.capacity import SEVERITIES


class FindingView(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(SEVERITIES)
    kind = serializers.CharField(help_text="Kind of the noun that it is about: plan, throttle, stage, route or target.")
    slug = serializers.CharField()
    code = serializers.CharField()
    sentence = serializers.CharField()
    figures = serializers.DictField(help_text="What the sentence was made of.")
    names = serializers.ListField(child=serializers.CharField(), help_text="Every noun that plays a part: plan:gold.")


class CapacityView(serializers.Serializer[Any]):
    front_doors = serializers.IntegerField(help_text="Front doors that bursts were compared with.")
    findings = FindingView(many=True)


class Capacity(APIView):
    @extend_schema(
        tags=["capacity"],
        summary="What does not fit: limits, routes, quotas and contracts",
        parameters=[OpenApiParameter("about", str, description="Only what a noun plays a part in, as plan:gold.")],
        responses={200: CapacityView},
    )
    def get(self, request: Request) -> Response:
        found = capacity.findings()
        kind, _, slug = request.query_params.get("about", "").partition(":")
        if kind:
            found = [finding for finding in found if finding.touches(kind, slug)]
        return Response({"front_doors": capacity.front_doors(), "findings": msgspec.to_builtins(found)})


routes: list[Any] = [path("capacity", Capacity.as_view(), name="capacity")]

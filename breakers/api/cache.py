"""/api/v1/cache: what is kept, and purging it."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents.purges import PurgedView, PurgeShape
from breakers.heard import heard
from breakers.operations import purges
from breakers.panels import kept
from controlplane.config.nouns import reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import Unavailable

TAGS = ["cache"]


class KeptView(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["target", "route"])
    slug = serializers.CharField()
    stage = serializers.CharField(allow_null=True, help_text="Of a route: what is kept in this stage.")
    answers = serializers.IntegerField(help_text="In the shared store; some may have expired.")


class Cache(APIView):
    @extend_schema(tags=TAGS, summary="Whose answers are kept, and how many", responses={200: KeptView(many=True)})
    def get(self, request: Request) -> Response:
        found = kept.owners()
        if found is None:
            raise Unavailable("The store does not answer, so nobody knows what it keeps.", retry_after_s=1)
        return Response(
            [
                {"kind": owner.kind, "slug": owner.slug, "stage": owner.stage or None, "answers": owner.answers}
                for owner in found
            ]
        )


class Purge(APIView):
    acts = {"POST": "operate"}

    @extend_schema(
        tags=TAGS,
        summary="Purge kept answers of a target, a route, a tag, or one request",
        request=PurgeShape,
        responses={200: PurgedView},
    )
    def post(self, request: Request) -> Response:
        done = purges.purge(request.data, by=principal_of(request), reason=reason_of(request))
        applied, total = heard(done.version)
        return Response(
            {
                "purged": done.names,
                "removed": done.removed,
                "version": done.version,
                "workers": {"applied": applied, "total": total},
            }
        )


routes: list[Any] = [
    path("cache", Cache.as_view(), name="cache"),
    path("cache/purge", Purge.as_view(), name="cache-purge"),
]

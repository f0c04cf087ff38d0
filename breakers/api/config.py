"""/api/v1/config: the configuration version, and how many front doors run it."""

from typing import Any

from django.conf import settings
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents.circuits import WorkersView
from breakers.store.board import read_board
from controlplane.config.models import ConfigHead
from controlplane.kernel import valkey


class ConfigView(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    workers = WorkersView()


class Config(APIView):
    @extend_schema(tags=["config"], summary="The newest version and who runs it", responses={200: ConfigView})
    def get(self, request: Request) -> Response:
        version = ConfigHead.objects.values_list("number", flat=True).first() or 0
        applied, total = read_board(valkey.shared(), settings.KEY_PREFIX, []).applied(version)
        return Response({"version": version, "workers": {"applied": applied, "total": total}})


routes: list[Any] = [path("config", Config.as_view(), name="config")]

"""Definitions that are judged without being kept, taken over from elsewhere, and given away."""

from typing import Any

import msgspec
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from compositions import exchange, neighbours, texts
from compositions.documents.compositions import CompositionShape, complete
from compositions.documents.versions import BroughtShape, CheckedView, CheckShape
from compositions.longest import longest_s
from compositions.operations import compositions
from compositions.reach import reach
from compositions.review import ERROR, judge
from controlplane.config.commit import current_revision
from controlplane.config.nouns import etag, reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import FieldProblem, Invalid

from .compositions import whole

TAGS = ["compositions"]
FORMATS = ("definition", "state-machine")


class Check(APIView):
    """The composition need not exist. Nothing is kept."""

    acts = {"POST": "view"}

    @extend_schema(
        tags=TAGS,
        summary="What is wrong with a definition, what is not advisable, and whom it calls",
        request=CheckShape,
        responses={200: CheckedView},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = complete(slug, checking.fields(CheckShape, request.data))
        around = neighbours.around()
        terms = {name: stated[name] for name in ("type", "deadline_ms", "meta")}
        findings = judge(stated["definition"], around, slug=slug, **terms)
        valid = not any(finding.severity == ERROR for finding in findings)
        found = None
        if valid:
            definition = texts.read(stated["definition"])
            found = reach(definition, around).document() | {"longest_s": longest_s(definition, around)}
        return Response({"valid": valid, "findings": msgspec.to_builtins(findings), "reach": found})


class Import(APIView):
    @extend_schema(
        tags=TAGS,
        summary="Take over a definition from Step Functions, a template or a file",
        request=BroughtShape,
        responses={200: CompositionShape, 201: CompositionShape},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(BroughtShape, request.data)
        row, created = compositions.import_definition(
            slug,
            stated["source"],
            type=stated.get("type", ""),
            substitutions=stated.get("substitutions"),
            by=principal_of(request),
            reason=stated.get("reason", "") or reason_of(request),
        )
        headers = {"ETag": etag(current_revision("composition", slug))}
        return Response(whole(row), status=201 if created else 200, headers=headers)


class Export(APIView):
    @extend_schema(
        tags=TAGS,
        summary="The definition alone, or as DescribeStateMachine gives it",
        parameters=[
            OpenApiParameter("form", str, enum=FORMATS, description="Default definition."),
            OpenApiParameter("version", int, description="Default: the one that stands."),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, slug: str) -> Response | HttpResponse:
        row = compositions.find(slug)
        given = request.query_params.get("version", str(row.version))
        if not given.isdecimal() or len(given) > 9:
            raise _unfit("version", f"{given[:60]!r} is no number of a version; leave it out for the present one.")
        kept = compositions.find_version(slug, int(given))
        form = request.query_params.get("form", FORMATS[0])
        if form not in FORMATS:
            raise _unfit("form", f"{form[:60]!r} is no form; use {' or '.join(FORMATS)}.")
        name = f"{slug}.asl.json" if form == FORMATS[0] else f"{slug}.state-machine.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if form == FORMATS[0]:
            return HttpResponse(kept.definition, content_type="application/json", headers=headers)
        found = exchange.described(
            slug,
            title=row.title,
            type=kept.type,
            definition=kept.definition,
            created=rfc3339(kept.created_at) or "",
            revision=str(kept.number),
        )
        return Response(found, headers=headers)


def _unfit(name: str, text: str) -> Invalid:
    return Invalid(text, problems=[FieldProblem(name, "invalid", text)])


urlpatterns: list[Any] = [
    path("compositions/<slug:slug>/check", Check.as_view(), name="composition-check"),
    path("compositions/<slug:slug>/import", Import.as_view(), name="composition-import"),
    path("compositions/<slug:slug>/export", Export.as_view(), name="composition-export"),
]

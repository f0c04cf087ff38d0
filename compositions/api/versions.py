"""/api/v1/compositions/{slug}/versions, what differs between two of them, and the way back to one."""

from typing import Any

from django.db.models import Max
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from breakers.documents import checking
from compositions import texts, versions
from compositions.documents.compositions import CompositionShape
from compositions.documents.versions import (
    ComparisonView,
    RollbackShape,
    VersionView,
    WholeVersionView,
    comparison,
    version,
)
from compositions.models import Composition, CompositionVersion
from compositions.operations import compositions
from controlplane.config.commit import current_revision
from controlplane.config.nouns import etag, reason_of
from controlplane.kernel.access import principal_of
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound

from .compositions import AS, as_text, whole

TAGS = ["compositions"]
LONGEST_LIST = 1000


class Versions(APIView):
    @extend_schema(
        tags=TAGS,
        summary="Every definition that a composition has had, newest first",
        parameters=[
            OpenApiParameter("limit", int, description=f"At most so many; 100 unless told, up to {LONGEST_LIST}.")
        ],
        responses={200: VersionView(many=True)},
    )
    def get(self, request: Request, slug: str) -> Response:
        standing = _standing(slug)
        rows = CompositionVersion.objects.filter(composition=slug).defer("definition")
        return Response([version(row, standing) for row in rows[: _number(request, "limit", 100, LONGEST_LIST)]])


class Version(APIView):
    @extend_schema(tags=TAGS, summary="One of them", parameters=[AS], responses={200: WholeVersionView})
    def get(self, request: Request, slug: str, number: int) -> Response:
        row = compositions.find_version(slug, number)
        definition = row.definition if as_text(request) else texts.read(row.definition)
        return Response({**version(row, _standing(slug)), "definition": definition})


class Diff(APIView):
    @extend_schema(
        tags=TAGS,
        summary="What differs between two versions",
        parameters=[
            OpenApiParameter("newer", int, description="Default: the newest."),
            OpenApiParameter("older", int, description="Default: the one before it."),
        ],
        responses={200: ComparisonView},
    )
    def get(self, request: Request, slug: str) -> Response:
        _standing(slug)
        newest = CompositionVersion.objects.filter(composition=slug).aggregate(newest=Max("number"))["newest"]
        newer = _number(request, "newer", newest)
        older = _number(request, "older", max(newer - 1, 1))
        rows = [compositions.find_version(slug, number) for number in (older, newer)]
        names = (f"{slug} version {older}", f"{slug} version {newer}")
        found = versions.compare(rows[0].definition, rows[1].definition, names=names)
        return Response(comparison(older, newer, found))


class Rollback(APIView):
    @extend_schema(
        tags=TAGS,
        summary="Let an earlier definition stand again, as a new version",
        request=RollbackShape,
        responses={200: CompositionShape},
    )
    def post(self, request: Request, slug: str) -> Response:
        stated = checking.fields(RollbackShape, request.data)
        reason = stated.get("reason", "") or reason_of(request)
        row = compositions.rollback(slug, stated["version"], by=principal_of(request), reason=reason)
        return Response(whole(row), headers={"ETag": etag(current_revision("composition", slug))})


def _standing(slug: str) -> Composition | None:
    """The composition, or None when it is gone and its versions remain. Raises NotFound when it never was."""
    row = Composition.objects.filter(slug=slug).first()
    if row is None and not CompositionVersion.objects.filter(composition=slug).exists():
        raise NotFound(f"There is no composition {slug!r}.")
    return row


def _number(request: Request, name: str, default: int, most: int = 1_000_000_000) -> int:
    given = request.query_params.get(name)
    if given is None:
        return default
    if not given.isdecimal() or len(given) > 10 or not 1 <= int(given) <= most:
        text = f"Use a whole number from 1 to {most}."
        raise Invalid(text, problems=[FieldProblem(name, "invalid", text)])
    return int(given)


urlpatterns: list[Any] = [
    path("compositions/<slug:slug>/versions", Versions.as_view(), name="composition-versions"),
    path("compositions/<slug:slug>/versions/<int:number>", Version.as_view(), name="composition-version"),
    path("compositions/<slug:slug>/diff", Diff.as_view(), name="composition-diff"),
    path("compositions/<slug:slug>/rollback", Rollback.as_view(), name="composition-rollback"),
]

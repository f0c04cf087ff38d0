"""The REST shape of every configurable noun: list, read, PUT upsert, PATCH, DELETE; ETag and If-Match.

    class Targets(NounViewSet):
        kind = "target"
        queryset = Target.objects.all()
        serializer_class = TargetSerializer            # a StrictSerializer
        def document(self, row): ...                   # what GET answers
        def upsert(self, slug, values, *, by, reason): # an operation; returns the row
        def remove(self, row, *, by, reason):          # an operation

    routes = Targets.routes("targets")

A noun's ETag is the number of its newest revision. A write holds the configuration's lock from the check of If-Match
to the commit, so of two writers who read the same revision one is told.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from django.urls import URLPattern, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from controlplane.config.commit import current_revision, locked
from controlplane.kernel.access import Principal, principal_of
from controlplane.kernel.errors import FieldProblem, Invalid, NotFound, PreconditionFailed

Row = Any
Document = dict[str, Any]


class NounViewSet(GenericViewSet[Any]):
    """Subclass it per noun; see the module's docstring for the four things to say."""

    kind: ClassVar[str]
    acts: ClassVar[dict[str, str]] = {}
    lookup_field = "slug"
    pagination_class = None
    filter_backends = []

    # What a noun says -----------------------------------------------------------------------------------------------

    def document(self, row: Row) -> Document:
        raise NotImplementedError

    def stated(self, row: Row) -> Document:
        """What a PATCH is laid over; a noun whose defaults adapt leaves out what was not stated."""
        return self.document(row)

    def patched(self, row: Row, patch: Any) -> Any:
        """The document with a patch laid over it; a noun says which of its fields are replaced as a whole."""
        return merged(self.stated(row), patch)

    def upsert(self, slug: str, values: Document, *, by: Principal, reason: str) -> Row:
        raise NotImplementedError

    def remove(self, row: Row, *, by: Principal, reason: str) -> None:
        raise NotImplementedError

    # What the router calls -------------------------------------------------------------------------------------------

    @classmethod
    def routes(cls, prefix: str) -> list[URLPattern]:
        """`prefix` and `prefix/<slug>`, named `<kind>-list` and `<kind>-detail`."""
        each = cls.as_view({"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"})
        return [
            path(prefix, cls.as_view({"get": "list"}), name=f"{cls.kind}-list"),
            path(f"{prefix}/<slug:slug>", each, name=f"{cls.kind}-detail"),
        ]

    def list(self, request: Request) -> Response:
        return Response([self.document(row) for row in self.filter_queryset(self.get_queryset())])

    def retrieve(self, request: Request, slug: str) -> Response:
        return self._answer(slug, self._found(slug), 200)

    def update(self, request: Request, slug: str) -> Response:
        with locked():
            row = self._row(slug)
            self._check_preconditions(request, slug, exists=row is not None)
            saved = self._save(request, slug, request.data)
        return self._answer(slug, saved, 200 if row is not None else 201)

    def partial_update(self, request: Request, slug: str) -> Response:
        """A JSON merge patch (RFC 7396) of what was stated."""
        with locked():
            row = self._found(slug)
            self._check_preconditions(request, slug, exists=True)
            saved = self._save(request, slug, self.patched(row, request.data))
        return self._answer(slug, saved, 200)

    def destroy(self, request: Request, slug: str) -> Response:
        with locked():
            row = self._found(slug)
            self._check_preconditions(request, slug, exists=True)
            self.remove(row, by=principal_of(request), reason=reason_of(request))
        return Response(status=204)

    # Inside ----------------------------------------------------------------------------------------------------------

    def _row(self, slug: str) -> Row | None:
        return self.get_queryset().filter(**{self.lookup_field: slug}).first()

    def _found(self, slug: str) -> Row:
        row = self._row(slug)
        if row is None:
            raise NotFound(f"There is no {self.kind} “{slug}”.")
        return row

    def _save(self, request: Request, slug: str, data: Any) -> Row:
        if isinstance(data, dict) and data.get("slug", slug) != slug:
            problem = FieldProblem("slug", "mismatch", f"The address says “{slug}”. A noun cannot be renamed.")
            raise Invalid("Body and address name different nouns.", problems=[problem])
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if name != "slug"}
        serializer = self.get_serializer(data=data)
        serializer.is_valid(raise_exception=True)
        return self.upsert(slug, serializer.validated_data, by=principal_of(request), reason=reason_of(request))

    def _check_preconditions(self, request: Request, slug: str, *, exists: bool) -> None:
        present = etag(current_revision(self.kind, slug))
        wanted = request.headers.get("If-Match")
        if wanted is not None and not (exists and (wanted.strip() == "*" or present in tags(wanted))):
            raise PreconditionFailed("If-Match names another revision than the present one.", etag=present)
        unwanted = request.headers.get("If-None-Match")
        if unwanted is not None and exists and (unwanted.strip() == "*" or present in tags(unwanted)):
            raise PreconditionFailed("If-None-Match forbids this, for the noun exists.", etag=present)

    def _answer(self, slug: str, row: Row, status: int) -> Response:
        present = etag(current_revision(self.kind, slug))
        if self.request.method == "GET" and present in tags(self.request.headers.get("If-None-Match")):
            return Response(status=304, headers={"ETag": present})
        return Response(self.document(row), status=status, headers={"ETag": present})


def etag(revision: int) -> str:
    return f'"{revision}"'


def tags(header: str | None) -> set[str]:
    """The entity tags of an If-Match or If-None-Match header; weak ones count as strong, as proxies weaken them."""
    return {tag.strip().removeprefix("W/") for tag in (header or "").split(",") if tag.strip()}


def reason_of(request: Request) -> str:
    """Why the caller does it: `reason` in a DELETE's body or query, or the X-Reason header of any request."""
    given = request.headers.get("X-Reason") or request.query_params.get("reason") or ""
    if not given and request.method == "DELETE" and isinstance(request.data, dict):
        given = request.data.get("reason") or ""
    return str(given)[:1000]


def merged(document: Any, patch: Any) -> Any:
    """RFC 7396: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result

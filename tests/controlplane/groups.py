"""A small configurable noun for the ground's tests: Django's groups, with the name as slug and a title to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import OperationalError
from django.urls import include, path
from rest_framework import serializers

from controlplane.config.commit import change
from controlplane.config.nouns import NounViewSet
from controlplane.config.pieces import Piece
from controlplane.kernel.access import Principal
from controlplane.kernel.rest import StrictSerializer

ANNA = Principal("anna", "user", 1)


def document(group: Group) -> dict[str, Any]:
    return {
        "slug": group.name,
        "permissions": list(group.permissions.values_list("codename", flat=True).order_by("codename")),
    }


def pieces() -> Iterable[Piece]:
    """A configuration compiler."""
    return [Piece("group", group.name, document(group)) for group in Group.objects.all()]


def add(name: str, *, by: Principal = ANNA, reason: str = "") -> Any:
    with change(by=by, action="group.create", subject=f"group:{name}", reason=reason) as made:
        made.note(None, document(Group.objects.create(name=name)))
    return made


class Limits(StrictSerializer):
    most = serializers.IntegerField(min_value=1)


class GroupSerializer(StrictSerializer):
    permissions = serializers.ListField(child=serializers.SlugField())
    limits = Limits(required=False, many=True)
    made_at = serializers.CharField(read_only=True)


class Groups(NounViewSet):
    """The noun's REST form."""

    kind = "group"
    queryset = Group.objects.order_by("name")
    serializer_class = GroupSerializer
    lookup_field = "name"

    def document(self, row: Group) -> dict[str, Any]:
        return document(row)

    def upsert(self, slug: str, values: dict[str, Any], *, by: Principal, reason: str) -> Group:
        from django.contrib.auth.models import Permission

        with change(by=by, action="group.put", subject=f"group:{slug}", reason=reason) as made:
            row = Group.objects.filter(name=slug).first()
            before = document(row) if row else None
            row = row or Group.objects.create(name=slug)
            row.permissions.set(
                Permission.objects.filter(codename__in=values["permissions"], content_type__app_label="access")
            )
            made.note(before, document(row))
        return row

    def remove(self, row: Group, *, by: Principal, reason: str) -> None:
        with change(by=by, action="group.delete", subject=f"group:{row.name}", reason=reason) as made:
            made.note(document(row), None)
            row.delete()


def broken(request: Any) -> Any:
    raise RuntimeError("a fault of ours")


def away(request: Any) -> Any:
    raise OperationalError("connection refused")


urlpatterns = [
    path("", include("controlplane.access.urls")),
    path("", include("controlplane.dashboard.urls")),
    path("", include("controlplane.audit.urls")),
    path("api/v1/", include(Groups.routes("groups"))),
    path("api/v1/broken", broken),
    path("broken", broken),
    path("api/v1/away", away),
    path("away", away),
]
handler400 = "controlplane.dashboard.errors.bad_request"
handler403 = "controlplane.dashboard.errors.permission_denied"
handler404 = "controlplane.dashboard.errors.page_not_found"
handler500 = "controlplane.dashboard.errors.server_error"

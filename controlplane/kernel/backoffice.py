"""The back office asks the same question as every view: an admin page is permitted by act, not by model."""

from __future__ import annotations

from typing import Any, ClassVar

from controlplane.kernel.access import can


class ByAct:
    """Mixin for a ModelAdmin, named first: looking needs `view`; adding, changing and deleting need `writing`."""

    writing: ClassVar[str] = "configure"

    def has_module_permission(self, request: Any) -> bool:
        return can(request.user, "view")

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, "view", obj)

    def has_add_permission(self, request: Any, *_: Any) -> bool:
        return can(request.user, self.writing)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, self.writing, obj)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return can(request.user, self.writing, obj)


class ReadOnly(ByAct):
    """Rows that the back office shows and never changes."""

    def has_add_permission(self, request: Any, *_: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

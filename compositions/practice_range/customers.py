"""What the site keeps of its customers: who may read full texts, who collects points, and what each was told."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

# Enough for hours of background traffic; the oldest fall out first.
KEPT = 5_000


class Register:
    """One entry for each key, in order of arrival; the same key again changes nothing and is told so."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def add(self, key: str, entry: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The entry that the register now has for the key, and whether it is new."""
        known = self._entries.get(key)
        if known is not None:
            return known, False
        self._entries[key] = entry
        if len(self._entries) > KEPT:
            self._entries.popitem(last=False)
        return entry, True

    def of(self, customer: str | None) -> list[dict[str, Any]]:
        """Entries, newest first; of one customer, or of all."""
        return [entry for entry in reversed(self._entries.values()) if customer in (None, entry["customer"])]


class Customers:
    """The registers of content, loyalty and the old site."""

    def __init__(self) -> None:
        self.entitlements = Register()
        self.members = Register()
        self.notifications = Register()

    def document(self, customer: str | None = None) -> dict[str, Any]:
        """Everything, newest first; of one customer, or of all."""
        registers = {
            "entitlements": self.entitlements,
            "members": self.members,
            "notifications": self.notifications,
        }
        return {name: register.of(customer) for name, register in registers.items()}

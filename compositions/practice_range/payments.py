"""The payment provider's ledger: one charge for each Idempotency-Key, how often each was asked for, and refunds."""

from __future__ import annotations

import itertools
from collections import Counter, OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

# Enough for hours of background traffic; the oldest charges fall out first.
KEPT = 5_000


@dataclass
class Charge:
    """Money taken once. `received` counts the requests that bore its key: above 1 means a repeat that cost nothing."""

    id: str
    idempotency_key: str | None
    customer: str
    item: str
    amount_cents: int
    received: int = 1
    refunded: bool = False


class Ledger:
    """Charges in order of arrival. Without a key every request is new money, as at a real provider."""

    def __init__(self) -> None:
        self._charges: OrderedDict[str, Charge] = OrderedDict()
        self._numbers = itertools.count(1)
        self._astray = 0
        self.requests = 0

    def charge(self, *, key: str | None, customer: str, item: str, amount_cents: int) -> tuple[Charge, bool]:
        """Charge, or find what the same key charged before. Gives the charge and whether it is new."""
        self.requests += 1
        known = self._charges.get(key) if key else None
        if known is not None:
            known.received += 1
            return known, False
        charge = Charge(f"ch_{next(self._numbers):06d}", key, customer, item, amount_cents)
        self._charges[key or charge.id] = charge
        if len(self._charges) > KEPT:
            self._charges.popitem(last=False)
        return charge, True

    def refund(self, id: str) -> Charge | None:
        """Give the money of charge `id` back, once however often it is asked; None when there is no such charge."""
        charge = next((charge for charge in self._charges.values() if charge.id == id), None)
        if charge is None:
            self._astray += 1
        else:
            charge.refunded = True
        return charge

    def clear(self) -> None:
        self._charges.clear()
        self.requests = self._astray = 0

    def document(self, customer: str | None = None, key: str | None = None) -> dict[str, Any]:
        """The ledger, newest first; `charged_twice` lists whoever paid more than once for one item and has not got it
        back, `refunds_astray` counts refunds that were asked for without a charge."""
        charges = [
            charge
            for charge in reversed(self._charges.values())
            if customer in (None, charge.customer) and key in (None, charge.idempotency_key)
        ]
        paid = Counter((charge.customer, charge.item) for charge in charges if not charge.refunded)
        return {
            "requests": self.requests,
            "count": len(charges),
            "refunded": sum(charge.refunded for charge in charges),
            "refunds_astray": self._astray,
            "charged_twice": [
                {"customer": who, "item": what, "charges": times} for (who, what), times in paid.items() if times > 1
            ],
            "charges": [asdict(charge) for charge in charges],
        }

"""Whether front doors go by a configuration version already, waiting a moment for those that are about to."""

import time

from django.conf import settings

from breakers.store.board import read_board
from controlplane.kernel import valkey

WITHIN_S = 1.5
LOOK_S = 0.05


def heard(version: int) -> tuple[int, int]:
    """(front doors that apply this version, front doors that are alive), when all do or the patience is over."""
    until = time.monotonic() + WITHIN_S
    while True:
        applied, total = read_board(valkey.shared(), settings.KEY_PREFIX, []).applied(version)
        if applied >= total or time.monotonic() >= until:
            return applied, total
        time.sleep(LOOK_S)

"""The panel that opens the board: the verdict in one paragraph."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone

from controlplane.dashboard.panels import Panel

from .board import board_of
from .verdict import verdict


class Opening(Panel):
    slug: ClassVar[str] = "opening"
    title: ClassVar[str] = "In a sentence"
    template: ClassVar[str] = "breakers/panels/opening.html"
    order: ClassVar[int] = 10

    def context(self, request: HttpRequest) -> dict[str, Any]:
        board = board_of(request)
        return {
            "board": board,
            "verdict": verdict(board.rows, board.fleet, board.now_ms, timezone.get_current_timezone()),
        }

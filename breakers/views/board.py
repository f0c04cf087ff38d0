"""The board: the verdict, every circuit, and Switchgear's own processes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from controlplane.access.forms import login_required_keeping_form
from controlplane.dashboard.panels import panels
from controlplane.kernel.access import require


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def board(request: HttpRequest) -> HttpResponse:
    """All panels; HTMX gets them without the page around them."""
    shown = [panel.render(request) for panel in panels(request)]
    template = "breakers/board_live.html" if request.headers.get("HX-Request") else "breakers/board.html"
    return render(request, template, {"panels": shown})

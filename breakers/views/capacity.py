"""Capacity: what limits let through at worst, against what each target has agreed to take."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from breakers.panels.capacity import capacity_of
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel.access import can, require


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def capacity(request: HttpRequest) -> HttpResponse:
    context = {"capacity": capacity_of(), "may_configure": can(request.user, "configure", "target:")}
    return render(request, "breakers/capacity.html", context)

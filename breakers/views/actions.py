"""Actions on one page with how each fares, and trying one again."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from breakers.models import Action
from breakers.operations import actions as operations
from breakers.panels.actions import listed
from controlplane.access.forms import login_required_keeping_form
from controlplane.kernel import clock
from controlplane.kernel.access import can, principal_of, require
from controlplane.kernel.errors import Problem


@require_safe
@never_cache
@login_required_keeping_form
@require("view")
def actions(request: HttpRequest) -> HttpResponse:
    context = {
        "actions": listed(list(Action.objects.all())),
        "now_ms": clock.now_ms(),
        "may_operate": can(request.user, "operate", "action:"),
        "may_configure": can(request.user, "configure", "action:"),
        "configured": settings.AWS_CONFIGURED,
    }
    template = "breakers/actions_live.html" if request.headers.get("HX-Request") else "breakers/actions.html"
    return render(request, template, context)


@require_POST
@login_required_keeping_form
@require("operate")
def retry(request: HttpRequest, slug: str) -> HttpResponse:
    """Due at once; back to the page that asked."""
    try:
        operations.retry(slug, by=principal_of(request), reason="retried by hand")
        messages.success(request, f"Action {slug} is tried again within two seconds.")
    except Problem as problem:
        messages.error(request, problem.detail or problem.title)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if safe else reverse("actions"))

"""The audit's page: who did what, when and why, with what changed."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.audit.diff import differences
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import require

PER_PAGE = 50


@require_safe
@login_required
@require("view")
def entries(request: HttpRequest) -> HttpResponse:
    """Newest first; `?subject=target:catalog` shows one noun, `?subject=target:` one kind."""
    subject = request.GET.get("subject", "").strip().replace("\x00", "")
    found = AuditEntry.objects.all()
    if subject:
        found = found.about(subject)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [(entry, differences(entry.before, entry.after)) for entry in page]
    return render(request, "audit/entries.html", {"page": page, "rows": rows, "subject": subject})

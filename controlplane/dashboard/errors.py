"""Django's own error answers in this product's shape: problem+json for programs, a plain page for people."""

from __future__ import annotations

import sys

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.template import loader

from controlplane.kernel import errors
from controlplane.kernel.errors import Problem
from controlplane.kernel.logs import request_id
from controlplane.kernel.rest import problem_from, problem_response, wants_problem_json

log = structlog.get_logger("switchgear.http")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return answer(request, errors.TooLarge("The body is larger than MAX_BODY_BYTES allows."))
    return answer(request, errors.Invalid("The request could not be understood."))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, errors.Forbidden(str(exception or "")))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = exception.args[0] if exception and exception.args and isinstance(exception.args[0], str) else ""
    return answer(request, errors.NotFound(detail or f"Nothing is at {request.path}."))


def server_error(request: HttpRequest) -> HttpResponse:
    # Django calls this while it handles the exception; a database that is away is no fault of the code.
    known = problem_from(cause) if isinstance(cause := sys.exc_info()[1], Exception) else None
    return answer(request, known or Problem("The fault is on our side. It is in the log under this request id."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    log.warning("csrf_refused", reason=reason)
    return answer(request, errors.Forbidden("The form had expired. Go back, reload the page and send it again."))


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem to whoever asked. The page uses no database: it must come up when that is what failed."""
    if wants_problem_json(request):
        if problem.status >= 500:
            problem.extra.setdefault("request_id", request_id())
        return problem_response(problem)
    page = loader.get_template("problems/page.html")
    html = page.render({"problem": problem, "request_id": request_id() if problem.status >= 500 else ""})
    response = HttpResponse(html, status=problem.status)
    if problem.retry_after is not None:
        response["Retry-After"] = problem.retry_after
    return response

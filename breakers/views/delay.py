"""`/processing-delay` on the control listener: the same bytes as the front door's."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from breakers.delays.documents import EXPOSED
from breakers.hosting import hosted
from controlplane.kernel.errors import Problem
from controlplane.kernel.rest import problem_response

ALLOWED = "GET, HEAD, OPTIONS"


@csrf_exempt
@require_http_methods(["GET", "HEAD", "OPTIONS"])
def processing_delay(request: HttpRequest, journey: str | None = None) -> HttpResponse:
    """Public: whether what customers do takes longer, for all journeys or one."""
    if request.method == "OPTIONS":
        return _preflight(request)
    try:
        status, fields, body = hosted("control").plane.delays.respond(
            request.headers.get("If-None-Match"),
            journey,
            request.headers.get("Origin"),
            language=request.GET.get("lang"),
        )
    except Problem as problem:
        return problem_response(problem)
    response = HttpResponse(body, status=status)
    del response["Content-Type"]
    for name, value in fields:
        response[name] = value
    return response


def _preflight(request: HttpRequest) -> HttpResponse:
    """What browsers ask before a request from another origin."""
    response = HttpResponse(status=204)
    response["Allow"] = ALLOWED
    response["Access-Control-Allow-Methods"] = "GET, OPTIONS"
    response["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
    response["Access-Control-Expose-Headers"] = EXPOSED
    response["Access-Control-Max-Age"] = "600"
    if "*" in settings.CORS_ALLOWED_ORIGINS:
        response["Access-Control-Allow-Origin"] = "*"
    for name, value in hosted("control").plane.delays.cors(request.headers.get("Origin")):
        response[name.decode()] = value.decode("latin-1")
    return response

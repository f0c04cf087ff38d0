"""Structured logs: one JSON object a line, with the request's id on every line that was written for it."""

from __future__ import annotations

import logging
import re
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse

# An id from outside is taken over when it is harmless; else it could forge lines or grow without bound.
HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
QUIET_PATHS = {"/healthz", "/readyz", "/metrics"}

log = structlog.get_logger("switchgear.http")


def _shared_steps() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def configuration(*, as_json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING: the standard library's loggers and structlog's write through one formatter to stderr."""
    renderer: list[Any]
    if as_json:
        # Never the locals of a frame: they hold tokens, passwords and customers' bodies.
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderer = [structlog.processors.ExceptionRenderer(frames), structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_steps(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared_steps(),
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            }
        },
        "filters": {"tracebacks": {"()": Tracebacks}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            # Each request is logged once, by RequestLog; of Django's own lines only tracebacks add something.
            "django.request": {"level": "ERROR", "filters": ["tracebacks"], "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "axes": {"level": "WARNING", "propagate": True},
        },
    }


class Tracebacks(logging.Filter):
    """Lets through what carries an exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def request_id() -> str:
    """The id of the request that is being answered, or the empty string outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestLog:
    """Middleware: names the request, binds the name to all its log lines, answers it, writes one line about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if HARMLESS_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=name)
        began = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = name
        log.log(
            logging.DEBUG if request.path in QUIET_PATHS else logging.INFO,
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round((time.perf_counter() - began) * 1000, 1),
            # Only a user that some view asked for: a log line must not cost a query, or fail without a database.
            user=getattr(getattr(request, "_cached_user", None), "username", "") or None,
        )
        return response

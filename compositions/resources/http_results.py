"""What a target answered, as Step Functions' HTTP task gives it: a result, or an error named by its status."""

from http import HTTPStatus
from typing import Final

from breakers.guard.messages import Answer
from breakers.guard.privacy import keepable, key_rule
from compositions.asl.values import Json, spliced

from .context import Met, ResourceError

_WORDS: Final = {status.value: status.phrase for status in HTTPStatus}
_NO_VARYING: Final = key_rule("", ())
_TELLING: Final = ("cache-control", "set-cookie", "vary")


def result_of(answer: Answer, met: Met) -> Json:
    """The task's result. Raises ResourceError for a status of 400 and more, and for a body that is not what it says."""
    status = answer.status
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        if name in headers:
            headers[name].append(value)
        else:
            headers[name] = [value]
    met.source, met.fresh, met.age_s = answer.source, answer.fresh, answer.age_s
    met.breaker, met.status = answer.breaker.value, status
    if any(name in headers for name in _TELLING):
        met.private = keepable(_NO_VARYING, answer.headers, len(answer.body)) is None
    if status >= 400:
        raise ResourceError(f"States.Http.StatusCode.{status}", answer.body.decode("utf-8", "replace"))
    return {
        "StatusCode": status,
        "StatusText": _WORDS.get(status, ""),
        "Headers": headers,
        "ResponseBody": _body(answer.body, headers.get("content-type"), met.target),
        "Provenance": {"source": answer.source, "age_s": answer.age_s, "breaker": met.breaker},
    }


def _body(body: bytes, content_type: list[str] | None, target: str) -> Json:
    kind = content_type[0].partition(";")[0].strip().lower() if content_type else ""
    if kind.endswith("json"):
        if not body:
            return None
        try:
            return spliced(body)
        except ValueError as error:
            cause = f"Target {target} calls its answer {kind}, but it is not: {error}."
            raise ResourceError("Answer.InvalidJson", cause, also=("States.Http.Socket",)) from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")

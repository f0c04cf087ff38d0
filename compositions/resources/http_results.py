"""What a target answered, as Step Functions' HTTP task gives it: a result, or an error named by its status."""

from http import HTTPStatus
from typing import Final

from breakers.core.states import State
from breakers.guard.messages import Answer
from breakers.guard.privacy import keepable, key_rule
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json, spliced

from .context import Met, ResourceError

_WORDS: Final = {status.value: status.phrase for status in HTTPStatus}
_NO_VARYING: Final = key_rule("", ())
_GROWTH: Final = 6  # no text grows more when it is written anew: a control character as \u00XX, 1e20 in full
_AROUND: Final = 1024
_TELLING: Final = frozenset(("cache-control", "set-cookie", "vary"))
_STATES: Final = {state: str(state) for state in State}  # Enum.value costs more than a look into a dict


def result_of(answer: Answer, met: Met, task: TaskCall) -> Json:
    """The task's result. Raises ResourceError for a status of 400 and more, and for a body that is not what it says."""
    status = answer.status
    headers: dict[str, list[str]] = {}
    size = len(answer.body)
    for name, value in answer.headers:
        size += len(name) + len(value) + 8
        if name in headers:
            headers[name].append(value)
        else:
            headers[name] = [value]
    met.source, met.fresh, met.age_s = answer.source, answer.fresh, answer.age_s
    met.breaker, met.status = _STATES[answer.breaker], status
    if not _TELLING.isdisjoint(headers):
        met.private = keepable(_NO_VARYING, answer.headers, len(answer.body)) is None
    if status >= 400:
        raise ResourceError(f"States.Http.StatusCode.{status}", answer.body.decode("utf-8", "replace"))
    task.at_most = _GROWTH * size + _AROUND
    return {
        "StatusCode": status,
        "StatusText": _WORDS.get(status, ""),
        "Headers": headers,
        "ResponseBody": _body(answer.body, headers.get("content-type"), met.target),
        "Provenance": {"source": answer.source, "age_s": answer.age_s, "breaker": met.breaker},
    }


def _body(body: bytes, content_type: list[str] | None, target: str) -> Json:
    kind = content_type[0] if content_type else ""
    if kind != "application/json":
        kind = kind.partition(";")[0].strip().lower()
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

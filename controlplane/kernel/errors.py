"""The error tree. Each error knows its HTTP status, its problem type and whether trying again later helps.

    Problem                    500
    ├── Invalid                400   problems: what is wrong with which field
    ├── Unauthenticated        401
    ├── Forbidden              403
    ├── NotFound               404
    ├── MethodNotAllowed       405
    ├── Conflict               409
    ├── PreconditionFailed     412   If-Match names another revision
    ├── TooLarge               413
    ├── UnsupportedMediaType   415
    ├── PreconditionRequired   428
    ├── TooManyRequests        429
    └── Unavailable            503

Documents follow RFC 9457. `type` is a relative URI; the dashboard serves a page there that explains the kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field: `path` as in `breaker.policies[0].threshold`, a stable `code`, and a sentence.

    Line and column, from 1, where the field is a text with places of its own.
    """

    path: str
    code: str
    message: str
    line: int | None = None
    column: int | None = None

    def document(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


class Problem(Exception):
    """Something went wrong on our side."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        *,
        problems: Iterable[FieldProblem] = (),
        retry_after_s: float | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.problems = list(problems)
        self.retry_after_s = retry_after_s
        self.extra = extra

    @property
    def type(self) -> str:
        return f"/problems/{self.kind}"

    @property
    def retry_after(self) -> str | None:
        """The value of a Retry-After header: whole seconds, rounded up so that a punctual client is not early."""
        return None if self.retry_after_s is None else str(max(0, math.ceil(self.retry_after_s)))

    def document(self) -> dict[str, Any]:
        """The RFC 9457 document."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        if self.problems:
            document["problems"] = [problem.document() for problem in self.problems]
        if self.retry_after_s is not None:
            document["retry_after_s"] = round(self.retry_after_s, 3)
        return {**self.extra, **document}


class Invalid(Problem):
    """The request cannot be understood or breaks a rule; `problems` names each field. Correct it and send it again."""

    status = 400
    kind = "invalid"
    title = "Invalid request"


class Unauthenticated(Problem):
    """No valid session or token came with the request. Log in, or send `Authorization: Bearer TOKEN`."""

    status = 401
    kind = "unauthenticated"
    title = "Authentication needed"


class Forbidden(Problem):
    """You are known, but your role does not include this act. An admin can change your role."""

    status = 403
    kind = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    """Nothing is registered under this address."""

    status = 404
    kind = "not-found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """This address does not know the method; the Allow header lists those that it knows."""

    status = 405
    kind = "method-not-allowed"
    title = "Method not allowed"


class Conflict(Problem):
    """The act contradicts the present state, or somebody else was faster. Look again before repeating it."""

    status = 409
    kind = "conflict"
    title = "Conflict"


class PreconditionFailed(Problem):
    """The noun was changed after you read it: If-Match names an older revision. Read it again, then repeat."""

    status = 412
    kind = "precondition-failed"
    title = "Changed since you read it"


class TooLarge(Problem):
    """The body is larger than this listener accepts."""

    status = 413
    kind = "too-large"
    title = "Body too large"


class UnsupportedMediaType(Problem):
    """The body's media type is not understood here; send `application/json`."""

    status = 415
    kind = "unsupported-media-type"
    title = "Unsupported media type"


class PreconditionRequired(Problem):
    """This act needs an If-Match header with the revision that you read."""

    status = 428
    kind = "precondition-required"
    title = "Precondition required"


class TooManyRequests(Problem):
    """Too many attempts in a short time. Wait as long as Retry-After says."""

    status = 429
    kind = "too-many-requests"
    title = "Too many requests"


class Unavailable(Problem):
    """Something this answer depends on is out of reach. Trying again later helps."""

    status = 503
    kind = "unavailable"
    title = "Unavailable"


def kinds() -> dict[str, type[Problem]]:
    """Every problem kind that is loaded, by slug."""
    found: dict[str, type[Problem]] = {}
    waiting: list[type[Problem]] = [Problem]
    while waiting:
        problem = waiting.pop(0)
        found.setdefault(problem.kind, problem)
        waiting.extend(problem.__subclasses__())
    return found

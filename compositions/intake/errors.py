"""Why an intent is not accepted.

Problem
├── Invalid               400   no JSON, or not what the pipe's schema asks
├── Conflict
│   └── BeingAccepted     409   the same key is being committed at this moment
├── KeyReused             422   the key came with another body before
└── Unavailable
    └── NotAccepted       503   backlog full, or the database is away
"""

from controlplane.kernel.errors import Conflict, Problem, Unavailable


class BeingAccepted(Conflict):
    """A request with this Idempotency-Key is being accepted right now. Send it again in a moment to get its answer."""

    kind = "intent-being-accepted"
    title = "The same key is being accepted"


class KeyReused(Problem):
    """This Idempotency-Key was used with another body before. Use a new key for a new intent."""

    status = 422
    kind = "idempotency-key-reused"
    title = "Idempotency-Key was used with another body"


class NotAccepted(Unavailable):
    """The intent was not accepted and nothing of it is kept. Send it again after Retry-After, with the same key."""

    kind = "intent-not-accepted"
    title = "Not accepted"

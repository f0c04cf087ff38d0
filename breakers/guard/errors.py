"""How a guarded call can end without an answer. Each error knows its HTTP status and its States Language name.

    GuardError (Problem)
    ├── Refused              503   we did not call; never an outcome of the target
    │   ├── BreakerOpen            Breaker.Open
    │   ├── ContractExhausted      Contract.Exhausted
    │   ├── TargetOverloaded       Target.Overloaded
    │   ├── StoreUnavailable       Store.Unavailable
    │   └── SecretUnreadable       Target.SecretUnreadable
    ├── Unsendable           400   we did not call: the request cannot be written as HTTP
    └── CallFailed           502   we called
        ├── TargetTimeout    504   States.Timeout
        └── BadAnswer        502   States.Http.Socket, as all of these
            ├── ConnectFailed
            ├── ConnectionLost
            ├── TlsFailed
            ├── ProxyFailed
            ├── MalformedAnswer
            ├── OversizedAnswer
            └── AddressRefused     we did not call: the address is out of bounds; never an outcome either

`reason` says in a few words why ("5 failures in a row"); it travels to the caller beside the target's slug, so it never
carries what a downstream sent.
"""

from typing import Any, ClassVar

from controlplane.kernel.errors import Problem


class GuardError(Problem):
    """A guarded call ended without an answer."""

    kind = "guard"
    title = "Call not possible"
    error: ClassVar[str] = "States.TaskFailed"

    def __init__(
        self, target: str, reason: str = "", *, detail: str = "", retry_after_s: float | None = None, **extra: Any
    ) -> None:
        reason = reason or self.title
        detail = detail or f"{self.title}, target {target}: {reason}."
        super().__init__(detail, retry_after_s=retry_after_s, target=target, reason=reason, **extra)
        self.target = target
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.title}: {self.reason}"


class Refused(GuardError):
    """The call was not made. It is no outcome of the target, and Retry-After says when asking again may help."""

    status = 503
    kind = "refused"
    title = "Call refused"


class BreakerOpen(Refused):
    """The target's circuit is open, so no calls are made. Wait as long as Retry-After says."""

    kind = "breaker-open"
    title = "Circuit open"
    error = "Breaker.Open"


class ContractExhausted(Refused):
    """The rate agreed with the provider is used up. Wait as long as Retry-After says."""

    kind = "contract-exhausted"
    title = "Contract exhausted"
    error = "Contract.Exhausted"


class TargetOverloaded(Refused):
    """As many calls to the target as max_concurrency allows are under way. Ask again a little later."""

    kind = "target-overloaded"
    title = "Target overloaded"
    error = "Target.Overloaded"


class StoreUnavailable(Refused):
    """The shared state is out of reach, and the target is set to refuse calls until it is back."""

    kind = "store-unavailable"
    title = "Shared state unavailable"
    error = "Store.Unavailable"


class SecretUnreadable(Refused):
    """The target's password was encrypted under a key that is not here. See SECRETS_KEY, or state the password anew."""

    kind = "secret-unreadable"
    title = "Secret unreadable"
    error = "Target.SecretUnreadable"


class Unsendable(GuardError):
    """The request has a method or header that HTTP cannot carry. Nothing was sent; correct the request."""

    status = 400
    kind = "unsendable"
    title = "Request cannot be sent"
    error = "States.Runtime"


class CallFailed(GuardError):
    """The call was made and gave no answer that may be passed on."""

    status = 502
    kind = "call-failed"
    title = "Call failed"


class TargetTimeout(CallFailed):
    """The target gave no complete answer within its timeout."""

    status = 504
    kind = "target-timeout"
    title = "Target timed out"
    error = "States.Timeout"


class BadAnswer(CallFailed):
    """The target could not be reached or its answer was not usable."""

    kind = "bad-answer"
    title = "Bad answer from target"
    error = "States.Http.Socket"


class ConnectFailed(BadAnswer):
    """No connection to the target: refused, unreachable, or its name was not found."""

    kind = "connect-failed"
    title = "No connection to target"


class ConnectionLost(BadAnswer):
    """The connection was reset or closed before the answer was complete. The target may have acted on the request."""

    kind = "connection-lost"
    title = "Connection to target lost"


class TlsFailed(BadAnswer):
    """The target's certificate or the TLS handshake was not acceptable."""

    kind = "tls-failed"
    title = "TLS with target failed"


class ProxyFailed(BadAnswer):
    """The proxy before the target was not reached, refused our credentials, or gave no way to the target."""

    kind = "proxy-failed"
    title = "Proxy before target failed"


class MalformedAnswer(BadAnswer):
    """What the target sent was not HTTP."""

    kind = "malformed-answer"
    title = "Malformed answer from target"


class OversizedAnswer(BadAnswer):
    """The target's answer was larger than the body limit."""

    kind = "oversized-answer"
    title = "Answer from target too large"


class AddressRefused(BadAnswer):
    """The host is, or its name leads to, an address that targets may not have. An admin can allow more by setting."""

    kind = "address-refused"
    title = "Address refused"


# The error for each name in breakers.core.outcomes.ERRORS.
FAILURES: dict[str, type[CallFailed]] = {
    "timeout": TargetTimeout,
    "connect_error": ConnectFailed,
    "connection_lost": ConnectionLost,
    "tls_error": TlsFailed,
    "proxy_error": ProxyFailed,
    "malformed": MalformedAnswer,
    "oversized": OversizedAnswer,
}

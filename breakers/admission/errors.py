"""Why a request was not let in. Each error knows its HTTP status, its problem type and whether coming back helps.

    NotAdmitted (Problem)
    ├── KeyNotAccepted       401   the API key; WWW-Authenticate says how one is sent
    │   ├── KeyMissing
    │   ├── KeyUnknown
    │   ├── KeyExpired
    │   ├── KeyRetired             it was rotated, and its grace is over
    │   ├── KeyRevoked
    │   └── WrongStage       403   a good key that opens other stages
    ├── TokenNotAccepted     401   the bearer token; WWW-Authenticate as RFC 6750 says
    │   ├── TokenMissing
    │   └── TokenInvalid
    ├── NotTrusted           403   the header that names the caller: not there, or not from the proxy
    ├── AuthorizerAway       503   nobody can tell now whether the caller is who it says
    ├── Blocked              403   a request rule; 429 when the rule counts
    ├── ChallengeRequired    403   a request rule asks for a proof of work first
    ├── OverLimit            429   Retry-After says when to return
    │   ├── Throttled              too many at once: a plan, a stage or the account
    │   └── QuotaExceeded          the period's requests are used up
    ├── LimiterAway          503   the store is away, and the limit says `closed`
    └── HeadersTooLarge      431

`fields` are header fields of the answer: the challenge of a 401, the state of the limits on a 429.
"""

from typing import Any, ClassVar

from controlplane.kernel.errors import Problem

Fields = list[tuple[bytes, bytes]]

REALM = "switchgear"
KEY_HEADER = "X-API-Key"


class NotAdmitted(Problem):
    """The front door did not let the request in; nothing was called."""

    status = 403
    kind = "not-admitted"
    title = "Not admitted"

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, fields: Fields | None = None, **extra: Any
    ) -> None:
        super().__init__(detail, retry_after_s=retry_after_s, **extra)
        self.fields: Fields = fields or []


# Keys -----------------------------------------------------------------------------------------------------------------


class KeyNotAccepted(NotAdmitted):
    """The route needs an API key, and what came with the request is none that it can use."""

    status = 401
    kind = "api-key"
    title = "API key not accepted"
    challenge: ClassVar[bytes] = f'ApiKey realm="{REALM}", header="{KEY_HEADER}"'.encode()

    def __init__(self, detail: str = "", **extra: Any) -> None:
        fields = [(b"www-authenticate", self.challenge)] if self.status == 401 else []
        super().__init__(detail, fields=fields, **extra)


class KeyMissing(KeyNotAccepted):
    """The route needs an API key. Send yours in the X-API-Key header."""

    kind = "api-key-missing"
    title = "API key missing"


class KeyUnknown(KeyNotAccepted):
    """Nobody was given this API key. Compare it with the one that was shown when it was made."""

    kind = "api-key-unknown"
    title = "API key unknown"


class KeyExpired(KeyNotAccepted):
    """The API key was given for a time that is over. Ask for a new one."""

    kind = "api-key-expired"
    title = "API key expired"


class KeyRetired(KeyNotAccepted):
    """The API key was replaced by another, and the time in which both worked is over. Use its successor."""

    kind = "api-key-retired"
    title = "API key replaced"


class KeyRevoked(KeyNotAccepted):
    """The API key was revoked. Ask whoever gave it to you."""

    kind = "api-key-revoked"
    title = "API key revoked"


class WrongStage(KeyNotAccepted):
    """The API key is good, but none of its usage plans opens this stage."""

    status = 403
    kind = "api-key-wrong-stage"
    title = "API key of another stage"


# Authorizers ----------------------------------------------------------------------------------------------------------


class TokenNotAccepted(NotAdmitted):
    """The route needs a bearer token of its issuer."""

    status = 401
    kind = "bearer-token"
    title = "Bearer token not accepted"


class TokenMissing(TokenNotAccepted):
    """The route needs a bearer token of its issuer. Send `Authorization: Bearer TOKEN`."""

    kind = "bearer-token-missing"
    title = "Bearer token missing"

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail, fields=[(b"www-authenticate", f'Bearer realm="{REALM}"'.encode())], **extra)


class TokenInvalid(TokenNotAccepted):
    """The bearer token is expired, malformed, or not one of the issuer for this audience. Get a new one."""

    kind = "bearer-token-invalid"
    title = "Bearer token invalid"

    def __init__(self, reason: str, **extra: Any) -> None:
        challenge = f'Bearer realm="{REALM}", error="invalid_token", error_description="{reason}"'
        super().__init__(f"{reason}.", fields=[(b"www-authenticate", challenge.encode())], **extra)


class NotTrusted(NotAdmitted):
    """The route takes callers only from a proxy that has authenticated them."""

    kind = "caller-not-trusted"
    title = "Caller not trusted"


class AuthorizerAway(NotAdmitted):
    """The issuer's keys are out of reach, so no token can be verified. Ask again a little later."""

    status = 503
    kind = "authorizer-away"
    title = "Authorizer unavailable"


# Rules ----------------------------------------------------------------------------------------------------------------


class Blocked(NotAdmitted):
    """A request rule refuses requests like this one."""

    kind = "blocked"
    title = "Blocked by a request rule"


class BlockedByRate(Blocked):
    """A request rule refuses a client that sends too many requests like this one. Wait as long as Retry-After says."""

    status = 429
    kind = "blocked-by-rate"
    title = "Too many requests for a request rule"


class ChallengeRequired(NotAdmitted):
    """A request rule asks for a proof of work first. Open the address in a browser, or follow `challenge`."""

    kind = "challenge-required"
    title = "Challenge required"


# Limits ---------------------------------------------------------------------------------------------------------------


class OverLimit(NotAdmitted):
    """More requests came than a limit allows. Wait as long as Retry-After says."""

    status = 429
    kind = "over-limit"
    title = "Over the limit"


class Throttled(OverLimit):
    """More requests came at once than a usage plan or a throttle allows. Wait as long as Retry-After says."""

    kind = "throttled"
    title = "Too many requests"


class QuotaExceeded(OverLimit):
    """The usage plan's requests for this period are used up. Retry-After says when the next one begins."""

    kind = "quota-exceeded"
    title = "Quota used up"


class LimiterAway(NotAdmitted):
    """Requests can't be counted now, and this limit refuses what it can't count. Ask again a little later."""

    status = 503
    kind = "limiter-away"
    title = "Limiter unavailable"


class HeadersTooLarge(NotAdmitted):
    """The request's header fields together are larger than this stage accepts. Send fewer or shorter ones."""

    status = 431
    kind = "headers-too-large"
    title = "Header fields too large"

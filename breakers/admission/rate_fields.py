"""The RateLimit and RateLimit-Policy fields: draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4.

    RateLimit-Policy: "gold";q=200;w=2, "gold quota";q=10000;w=86400
    RateLimit: "gold";r=150;t=1, "gold quota";r=9000;t=3600

`q` requests in `w` seconds: of a token bucket the burst, and the time in which it fills up. `r` are left, and in `t`
seconds all of them are there again. What is left is what this front door knows; others spend meanwhile.
"""

from math import ceil

from .errors import Fields
from .gates import Due
from .quotas import Quotas, Use
from .tokens import TokenLeases


def rate_fields(due: Due, tokens: TokenLeases, quotas: Quotas, now_ms: float) -> Fields:
    """How a consumer stands with its limits. This is written for each metered answer, so nothing is said twice."""
    states = []
    for token, beginning in due.shown:
        known = tokens.remaining(token.id)
        left, reset_s = known if known is not None else (token.burst, 0.0)
        states.append(f"{beginning}{left if left > 0 else 0};t={ceil(reset_s)}")
    use = quotas.usage(due.quota.consumer, due.quota.plan) if due.quota is not None else None
    if due.quota is not None and use is not None:
        states.append(f'"{due.quota.plan} quota";r={use.left};t={max(0, ceil((use.resets_ms - now_ms) / 1000))}')
    if not states:
        return []
    stated = (0, 0.0) if use is None else (use.limit + use.extra, use.starts_ms)
    if due.policy_of != stated:
        due.policy, due.policy_of = _policy(due, use), stated
    return [(b"ratelimit-policy", due.policy), (b"ratelimit", ", ".join(states).encode())]


def _policy(due: Due, use: Use | None) -> bytes:
    policies = []
    for token, beginning in due.shown:
        policies.append(f"{beginning.removesuffix('r=')}q={token.burst};w={max(1, ceil(token.burst / token.rate))}")
    if due.quota is not None and use is not None:
        length_s = round((use.resets_ms - use.starts_ms) / 1000)
        policies.append(f'"{due.quota.plan} quota";q={use.limit + use.extra};w={length_s}')
    return ", ".join(policies).encode()

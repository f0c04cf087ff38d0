"""What can become of a request at the inbound door: one outcome each, and how pages and metrics say it."""

# Outcome -> what it means. The first four reached their route.
OUTCOMES = {
    "admitted": "within all limits",
    "would_throttle": "let through by a plan that only counts, though above its rate",
    "would_quota": "let through by a plan that only counts, though its quota was used up",
    "voided": "let through uncounted, because the store was away",
    "throttled:client": "above the rate of its usage plan",
    "throttled:stage": "above the throttle of its stage, route or method",
    "throttled:account": "above the throttle of the account",
    "quota": "quota used up",
    "blocked": "blocked by a request rule",
    "challenged": "asked for a proof of work",
    "unidentified": "without a key that works here",
    "unauthorized": "refused by the authorizer",
    "store_away": "refused, because the store was away",
}
PASSED = ("admitted", "would_throttle", "would_quota", "voided")
REFUSED = tuple(outcome for outcome in OUTCOMES if outcome not in PASSED)
# What a plan's token bucket was asked for: what it let through and what it refused.
METERED = ("admitted", "would_throttle", "would_quota", "voided", "throttled:client", "quota")
# Units of a quota were drawn for these, or charged later.
DRAWN_FOR = ("admitted", "would_throttle", "voided")

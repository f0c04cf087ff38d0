"""The states of a circuit, the moves between them, and what each means in plain words."""

from enum import StrEnum


class State(StrEnum):
    """resilience4j's vocabulary. CLOSED = traffic flows; OPEN = no calls."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"
    FORCED_OPEN = "FORCED_OPEN"
    FORCED_CLOSED = "FORCED_CLOSED"
    DISABLED = "DISABLED"
    METRICS_ONLY = "METRICS_ONLY"


# What a breaker may conclude by itself ...
OBSERVED = (State.CLOSED, State.OPEN, State.HALF_OPEN)
# ... and what an operator may order instead.
OVERRIDES = (State.FORCED_OPEN, State.FORCED_CLOSED, State.DISABLED)

TRANSITIONS = {
    State.CLOSED: (State.OPEN,),
    State.OPEN: (State.HALF_OPEN,),
    State.HALF_OPEN: (State.OPEN, State.CLOSED),
}

# States in which a front end must expect delay: calls do not flow.
STOPPED = frozenset((State.OPEN, State.HALF_OPEN, State.FORCED_OPEN))

# The seeds of this product used open and closed both ways round; no state is ever shown without these words.
PLAIN_WORDS = {
    State.CLOSED: "traffic flows",
    State.OPEN: "no calls, answered from cache where possible",
    State.HALF_OPEN: "testing recovery with a few calls",
    State.FORCED_OPEN: "stopped by an operator",
    State.FORCED_CLOSED: "traffic flows by an operator's order, whatever the breaker concludes",
    State.DISABLED: "traffic flows and nothing is counted",
    State.METRICS_ONLY: "counted and judged, never refused",
}

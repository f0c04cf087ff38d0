"""What an operator owns, as rows: typed columns, one table for each noun or part of one."""

from .breakers import Breaker, BreakerPolicy, ClassificationRule
from .contracts import Contract
from .delays import Journey, JourneyDelay, JourneyMessage, JourneyTarget
from .overrides import Override, Transition
from .probes import Probe, ProbeRun
from .targets import Target

__all__ = [
    "Breaker",
    "BreakerPolicy",
    "ClassificationRule",
    "Contract",
    "Journey",
    "JourneyDelay",
    "JourneyMessage",
    "JourneyTarget",
    "Override",
    "Probe",
    "ProbeRun",
    "Target",
    "Transition",
]

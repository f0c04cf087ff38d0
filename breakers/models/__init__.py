"""What an operator owns, as rows: typed columns, one table for each noun or part of one."""

from .actions import Action
from .alarms import AlarmMessage, AlarmSource
from .breakers import Breaker, BreakerPolicy, ClassificationRule
from .consumers import ApiKey, Consumer
from .contracts import Contract
from .delays import DelayPeriod, Journey, JourneyDelay, JourneyMessage, JourneyTarget
from .overrides import Override, Transition
from .plans import PlanOverride, UsagePlan
from .probes import Probe, ProbeRun
from .purges import Purge
from .rules import RequestRule
from .stages import Stage
from .targets import Target
from .throttles import Throttle
from .usage import QuotaLedger, RuleCount, UsageCount

__all__ = [
    "Action",
    "AlarmMessage",
    "AlarmSource",
    "ApiKey",
    "Breaker",
    "BreakerPolicy",
    "ClassificationRule",
    "Consumer",
    "Contract",
    "DelayPeriod",
    "Journey",
    "JourneyDelay",
    "JourneyMessage",
    "JourneyTarget",
    "Override",
    "PlanOverride",
    "Probe",
    "ProbeRun",
    "Purge",
    "QuotaLedger",
    "RequestRule",
    "RuleCount",
    "Stage",
    "Target",
    "Throttle",
    "Transition",
    "UsageCount",
    "UsagePlan",
]

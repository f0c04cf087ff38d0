"""Circuits of a Switchgear front door for services that make their calls themselves. See the README beside this."""

from .circuits import Call, Circuit, CircuitOpen
from .gear import Switchgear
from .outcomes import outcome_of

__all__ = ["Call", "Circuit", "CircuitOpen", "Switchgear", "outcome_of"]

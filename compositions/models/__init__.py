"""What an operator owns of the flow, as rows."""

from .compositions import Composition, CompositionVersion
from .routes import Route

__all__ = ["Composition", "CompositionVersion", "Route"]

"""What an operator owns of the flow, as rows."""

from .routes import Route

__all__ = ["Route"]

"""The flow's nouns in the back office. Importing the rooms registers them with Django."""

from . import compositions, executions, pipes, routes

__all__ = ["compositions", "executions", "pipes", "routes"]

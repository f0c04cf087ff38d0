"""The flow's nouns in the back office. Importing the rooms registers them with Django."""

from . import compositions, pipes, routes

__all__ = ["compositions", "pipes", "routes"]

"""The flow's nouns in the back office. Importing the rooms registers them with Django."""

from . import compositions, routes

__all__ = ["compositions", "routes"]

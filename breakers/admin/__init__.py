"""Targets, journeys and their records in the back office. Importing the rooms registers them with Django."""

from . import journeys, records, targets

__all__ = ["journeys", "records", "targets"]

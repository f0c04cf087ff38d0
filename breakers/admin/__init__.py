"""The nouns of protection and their records in the back office. Importing the rooms registers them with Django."""

from . import actions, alarms, consumers, journeys, limits, records, rules, targets

__all__ = ["actions", "alarms", "consumers", "journeys", "limits", "records", "rules", "targets"]

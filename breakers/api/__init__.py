"""The REST addresses of targets, breakers and journeys."""

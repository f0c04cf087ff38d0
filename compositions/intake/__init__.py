"""Accepting intents at the front door: a 202 is sent only after its row is committed."""

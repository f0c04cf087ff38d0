"""Real servers that the tests start: Valkey, a downstream with scripted behaviour, a whole Switchgear."""

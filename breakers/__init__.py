"""Protection: circuit breakers, contracts, caches and probes around every call to a downstream target."""

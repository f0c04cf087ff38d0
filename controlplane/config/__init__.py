"""Configuration as numbered, immutable versions: committed in the database, published to Valkey, read by feeds."""

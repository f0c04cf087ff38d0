"""The public documents of nouns: their shape, their defaults, and how rows become documents and documents rows."""

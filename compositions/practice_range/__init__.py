"""Training equipment: a small science-news site whose downstreams misbehave when told to."""

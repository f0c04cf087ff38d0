"""The public documents of the flow's nouns: their shape, and their rows as documents."""

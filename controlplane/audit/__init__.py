"""The audit: who did what to which noun, when and why; append-only and hash-chained."""

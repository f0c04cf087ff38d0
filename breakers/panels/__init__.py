"""What the pages show of circuits, journeys and workers: read, put into words, never changed."""

"""What front doors tell of their runs: figures by minute for all of them, and the story of those worth a look."""

"""What pages of the flow show, gathered."""

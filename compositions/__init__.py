"""Flow: routes of the front door, and what answers them."""

"""The inbound door: who calls, whether they may, and how much of their allowance is left."""

"""Ratios against a peer, measured side by side in one run; absolute figures depend on the machine."""

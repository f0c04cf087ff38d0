"""Runs compositions: EXPRESS ones in memory, within a request."""

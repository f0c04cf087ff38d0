"""Runs compositions: EXPRESS ones in memory, within a request; STANDARD ones so that nothing is lost."""

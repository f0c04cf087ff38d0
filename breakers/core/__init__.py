"""The rules of circuit breaking: pure functions and frozen values; time is a parameter, nothing is read or written."""

"""What an operator may do in the flow, one module a noun."""

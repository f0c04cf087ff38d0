"""What an operator may do, one module a noun: one transaction, one audit entry, one new version each."""

"""The outbound door: every call to a downstream passes `call.Guard.call` and reaches the wire nowhere else."""

"""The REST addresses of the flow."""

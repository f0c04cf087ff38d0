"""Durable executions: the same interpreter, whose ports keep a journal in the database."""

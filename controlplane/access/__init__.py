"""Access: who gets in (sessions, tokens), with which role, and how a form survives an expired login."""

"""Users, roles, tokens and logins in the back office, for those who administer. Importing the rooms registers them."""

from . import logins, people, tokens

__all__ = ["logins", "people", "tokens"]

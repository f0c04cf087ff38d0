"""The data plane's listener: an ASGI application before Django, without ORM and middleware on its path."""

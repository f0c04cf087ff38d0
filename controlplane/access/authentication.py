"""How a REST request says who it is: a Bearer token, or the browser's session with its CSRF token."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from controlplane.access import tokens
from controlplane.access.models import ApiToken


class Bearer(BaseAuthentication):
    """`Authorization: Bearer TOKEN`. Another scheme is left to the next class; a bad token is refused."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = tokens.find(secret.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("This token is unknown, expired or revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="switchgear"'


class Session(SessionAuthentication):
    """The logged-in browser; Django's CSRF check applies to everything that writes."""


class BearerScheme(OpenApiAuthenticationExtension):
    """Tells the API schema about Bearer tokens."""

    target_class = Bearer
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):
    """Tells the API schema about browser sessions."""

    target_class = Session
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}

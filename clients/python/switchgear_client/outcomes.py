"""What an exception of an HTTP client says about the downstream."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import urllib.error

# Names of exceptions in requests, httpx, aiohttp and urllib3, looked for in the classes of an exception.
BY_NAME = (
    ("ConnectTimeout", "timeout"),
    ("ReadTimeout", "timeout"),
    ("Timeout", "timeout"),
    ("TimeoutException", "timeout"),
    ("ServerTimeoutError", "timeout"),
    ("SSLError", "tls_error"),
    ("ClientSSLError", "tls_error"),
    ("ConnectError", "connect_error"),
    ("NewConnectionError", "connect_error"),
    ("ClientConnectorError", "connect_error"),
    ("ServerDisconnectedError", "connection_lost"),
    ("RemoteProtocolError", "malformed"),
    ("ReadError", "connection_lost"),
    ("ConnectionError", "connect_error"),
)


def outcome_of(error: BaseException) -> int | str:
    """A status, or the name of an outcome; `ignore` for what says nothing about the downstream."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return outcome_of(error.reason)
    if isinstance(error, asyncio.CancelledError):
        return "ignore"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls_error"
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return "connect_error"
    if isinstance(error, ConnectionError | http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "connection_lost"
    if isinstance(error, http.client.HTTPException):
        return "malformed"
    names = {parent.__name__ for parent in type(error).__mro__}
    return next((outcome for name, outcome in BY_NAME if name in names), "ignore")

"""What exceptions of HTTP clients say about a downstream, and how a call is told."""

import asyncio
import http.client
import socket
import ssl
import urllib.error

import pytest

from switchgear_client import CircuitOpen, Switchgear, outcome_of


class ReadTimeout(Exception):
    """As requests and httpx call it."""


class ConnectError(Exception):
    """As httpx calls it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "timeout"),
        (ReadTimeout(), "timeout"),
        (ConnectError(), "connect_error"),
        (ConnectionRefusedError(), "connect_error"),
        (socket.gaierror(), "connect_error"),
        (ConnectionResetError(), "connection_lost"),
        (http.client.RemoteDisconnected(), "connection_lost"),
        (ssl.SSLError(), "tls_error"),
        (http.client.BadStatusLine("x"), "malformed"),
        (urllib.error.URLError(TimeoutError()), "timeout"),
        (urllib.error.HTTPError("http://x", 503, "x", {}, None), 503),
        (asyncio.CancelledError(), "ignore"),
        (KeyError("ours"), "ignore"),
    ],
)
def test_what_an_exception_says_about_the_downstream(error, said):
    assert outcome_of(error) == said


@pytest.mark.parametrize(("when_unknown", "calls"), [("call", True), ("refuse", False)])
def test_without_a_front_door_it_is_as_was_chosen(when_unknown, calls):
    with Switchgear(
        "http://127.0.0.1:1", "sg_nobody", when_unknown=when_unknown, first_wait_s=0.01, timeout_s=0.1
    ) as gear:
        circuit = gear.circuit("payment")
        if calls:
            with circuit.call() as call:
                call.status = 200
            assert circuit.guard(lambda: "called")() == "called"
        else:
            with pytest.raises(CircuitOpen), circuit.call():
                pass


def test_nonsense_is_refused_by_name():
    with pytest.raises(ValueError, match="when_unknown"):
        Switchgear("http://127.0.0.1:1", "sg_x", when_unknown="maybe")
    with pytest.raises(ValueError, match="url"):
        Switchgear("127.0.0.1:8080", "sg_x")

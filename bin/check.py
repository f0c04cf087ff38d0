"""Everything that must hold before a change is pushed, the quick things first; the suite comes last."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PACKAGES = ["controlplane", "breakers", "compositions"]

STEPS = {
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "lint": ["-m", "ruff", "check", "--quiet", "."],
    "types": [BIN / "mypy", "--no-error-summary", *PACKAGES],
    "import floors": [BIN / "lint-imports"],
    "missing migrations": [ROOT / "manage.py", "makemigrations", "--check", "--dry-run"],
    "deployment settings": [ROOT / "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}


def main() -> int:
    failed = [name for name, command in STEPS.items() if not passes(name, command)]
    suite = subprocess.run([sys.executable, ROOT / "bin" / "suite.py"], cwd=ROOT).returncode
    if failed:
        print(f"check: failed: {', '.join(failed)}")
    else:
        print(f"check: {len(STEPS)} checks passed; the suite {'passed' if suite == 0 else 'failed'}")
    return 1 if failed or suite else 0


def passes(name: str, command: list) -> bool:
    """Runs one step as a deployment would see it: no variable of the caller's installation, its own DATA_DIR."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as data:
        ours = {"DATA_DIR", "DATABASE_URL", "REDIS_URL", "PLAIN_HTTP", "DEBUG", "SECRET_KEY", "ALLOWED_HOSTS"}
        env = {key: value for key, value in os.environ.items() if key not in ours} | {"DATA_DIR": data}
        # By this Python, not by the program's first line, which names the place it was installed at.
        run = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, env=env, capture_output=True, text=True)
    ok = run.returncode == 0
    print(f"check: {name:20} {'ok' if ok else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
    if not ok:
        print(run.stdout + run.stderr, flush=True)
    return ok


if __name__ == "__main__":
    sys.exit(main())

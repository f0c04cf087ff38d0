"""Resolves requirements/*.in into locks with hashes, for every platform; dev.txt never differs from runtime.txt."""

import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
UV = Path(sys.executable).parent / "uv"

if not UV.exists():
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")]
    if subprocess.run([*pip[:3], "--version"], capture_output=True).returncode:
        subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(pip, check=True)
compile = [str(UV), "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11", "--no-header"]
for name, constraints in (("uv", []), ("runtime", []), ("dev", ["-c", "runtime.txt"]), ("aws", [])):
    command = [*compile, "--quiet", *constraints, f"{name}.in", "-o", f"{name}.txt"]
    subprocess.run(command, check=True, cwd=REQUIREMENTS)

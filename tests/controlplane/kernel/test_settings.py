"""Settings refuse nonsense, and are secure unless told to stay on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def settings_with(tmp_path: Path, code: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """The settings module alone, in a fresh process with only these variables."""
    return subprocess.run(
        [sys.executable, "-c", f"from controlplane import settings as s; {code}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONTDOOR_WORKERS", "0"),
        ("CONTROL_PORT", "http"),
        ("DEMO", "maybe"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("DATABASE_URL", "mysql://root@localhost/x"),
        ("KEY_PREFIX", "a{b}"),
        ("LOG_LEVEL", "LOUD"),
        ("BEHIND_TLS_PROXY", "1"),
        ("AWS_ENDPOINT_URL", "localhost:4566"),
        ("AWS_ROLES", "arn:aws:iam::1234:role/x"),
    ],
)
def test_nonsense_is_refused_with_the_variable_named(tmp_path: Path, name: str, value: str) -> None:
    result = settings_with(tmp_path, PLAIN_HTTP="1", **{name: value})
    assert result.returncode == 1
    assert "ImproperlyConfigured" in result.stderr
    assert name in result.stderr.splitlines()[-1]


def test_the_secret_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = settings_with(tmp_path, "print(s.SECRET_KEY)").stdout
    assert len(first.strip()) >= 50
    assert settings_with(tmp_path, "print(s.SECRET_KEY)").stdout == first
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0
    assert not list(tmp_path.glob("secret-key.*"))


def test_outside_debug_everything_is_strict_and_plain_http_relaxes_only_transport(tmp_path: Path) -> None:
    names = "SECURE_SSL_REDIRECT SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_HSTS_PRELOAD DEBUG"
    code = f"print(*[vars(s)[name] for name in {names.split()}])"
    assert settings_with(tmp_path, code).stdout.split() == ["True", "True", "True", "True", "False"]
    assert settings_with(tmp_path, code, PLAIN_HTTP="1").stdout.split() == ["False"] * 5


def test_sqlite_waits_and_is_durable(tmp_path: Path) -> None:
    code = "o = s.DATABASES['default']['OPTIONS']; print(o['transaction_mode'], o['timeout'], o['init_command'])"
    assert settings_with(tmp_path, code).stdout.strip() == (
        "IMMEDIATE 20 PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    )

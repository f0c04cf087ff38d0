"""Clock, canonical JSON, problems and Lua scripts."""

from pathlib import Path
from typing import Any

import pytest
import redis

from controlplane.kernel import canonical, clock
from controlplane.kernel import valkey as valkeys
from controlplane.kernel.errors import Conflict, FieldProblem, Invalid, Unavailable, kinds
from controlplane.kernel.rest import problem_response


def test_times_are_rfc_3339_in_utc() -> None:
    assert clock.rfc3339(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"
    assert clock.rfc3339(clock.from_ms(1_700_000_000_123)) == "2023-11-14T22:13:20.123Z"
    assert clock.rfc3339(None) is None
    assert clock.to_ms(clock.from_ms(1_700_000_000_123)) == 1_700_000_000_123


def test_equal_documents_have_one_canonical_text() -> None:
    assert (
        canonical.text({"b": [1, 2.5], "a": "ü"})
        == '{"a":"ü","b":[1,2.5]}'
        == canonical.text({"a": "ü", "b": [1, 2.5]})
    )
    with pytest.raises(ValueError):
        canonical.text(float("nan"))


def test_a_problem_is_an_rfc_9457_document() -> None:
    problem = Invalid("Some fields…", problems=[FieldProblem("base_url", "invalid", "Not a URL.")], target="catalog")
    assert problem.document() == {
        "type": "/problems/invalid",
        "title": "Invalid request",
        "status": 400,
        "detail": "Some fields…",
        "problems": [{"path": "base_url", "code": "invalid", "message": "Not a URL."}],
        "target": "catalog",
    }


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    response = problem_response(Unavailable("Valkey is away.", retry_after_s=1.2))
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Retry-After" not in problem_response(Conflict())


def test_every_problem_kind_has_its_own_slug_and_words() -> None:
    for kind, problem in kinds().items():
        assert problem.kind == kind
        assert problem.__doc__


def test_keys_of_one_circuit_share_a_hash_tag(settings: Any) -> None:
    settings.KEY_PREFIX = "sg"
    assert valkeys.tagged("t:catalog", "circuit") == "{sg:t:catalog}:circuit"
    assert valkeys.named("push") == "sg:push"


async def test_a_script_runs_whether_or_not_the_server_knows_it(valkey: str, tmp_path: Path) -> None:
    (tmp_path / "echo.lua").write_text("return {KEYS[1], ARGV[1]}")
    script = valkeys.scripts(tmp_path)["echo"]
    with valkeys.connect(valkey) as client:
        assert script.run(client, ["a"], 1) == [b"a", b"1"]
        client.script_flush()
        assert script.run(client, ["a"], 1) == [b"a", b"1"]
        client.script_flush()
    async with valkeys.connect_async(valkey) as client:
        assert await script.arun(client, ["a"], 1) == [b"a", b"1"]
        assert await script.arun(client, ["a"], 1) == [b"a", b"1"]


def test_a_client_survives_a_restart_of_its_connection(valkey: str) -> None:
    client = valkeys.connect(valkey)
    client.set("a", 1)
    with redis.Redis.from_url(valkey) as other:
        other.client_kill_filter(_type="normal", skipme=True)
    assert client.get("a") == b"1"

"""Stages: which entrance a request takes, and what each says for itself."""

import json

import pytest

from compositions.frontdoor.routes import RouteTable
from controlplane.config.pieces import Piece
from tests.breakers.admission.configured import route, stage

from .equipment import Door, free_port, talk, target


class Snapshot:
    version = 1

    def __init__(self, *pieces: Piece) -> None:
        self.pieces = pieces

    def of(self, kind: str):
        return {piece.slug: piece for piece in self.pieces if piece.kind == kind}


def entered(host: str, path: str, *pieces: Piece) -> str | None:
    found = RouteTable(Snapshot(*pieces)).entrances.find(host, path)
    return None if found is None else found.slug


MANY = (
    stage("main"),
    stage("api", hosts=["api.example.com"]),
    stage("api-v2", hosts=["api.example.com"], base_path="/v2"),
    stage("api-v2-beta", hosts=["api.example.com"], base_path="/v2/beta/"),
    stage("partners", hosts=["*.example.com"]),
    stage("gold", hosts=["*.gold.example.com", "partner.test:8443"]),
    stage("internal", base_path="/internal"),
)
ENTRANCES = {
    ("api.example.com", "/x"): "api",
    ("API.Example.com:8080", "/x"): "api",
    ("api.example.com.", "/x"): "api",
    ("api.example.com", "/v2"): "api-v2",
    ("api.example.com", "/v2/x"): "api-v2",
    ("api.example.com", "/v21"): "api",
    ("api.example.com", "/v2/beta/x"): "api-v2-beta",
    ("shop.example.com", "/v2/x"): "partners",
    ("a.gold.example.com", "/"): "gold",
    ("example.com", "/"): "main",
    ("evil-example.com", "/"): "main",
    ("partner.test:8443", "/"): "gold",
    ("partner.test", "/"): "main",
    ("elsewhere", "/internal/x"): "internal",
    ("elsewhere", "/x"): "main",
    ("[::1]:8080", "/internal"): "internal",
    ("", "/x"): "main",
}


@pytest.mark.parametrize(("host", "path"), sorted(ENTRANCES))
def test_the_host_counts_before_a_pattern_and_then_the_longest_base_path(host, path):
    assert entered(host, path, *MANY) == ENTRANCES[host, path]


def test_a_host_that_no_stage_takes_enters_nowhere():
    assert entered("other", "/", stage("main", hosts=["api.example.com"])) is None
    assert entered("api.example.com", "/x", stage("main", base_path="/v1")) is None


def test_without_any_stage_in_the_configuration_everything_enters_by_main():
    assert entered("any", "/x", route("one", "/x", "echo")) == "main"


@pytest.fixture(scope="module")
def door(tmp_path_factory, echo):
    pieces = [
        target("echo", echo.port),
        stage("main"),
        stage("v1", base_path="/v1", max_body_bytes=10, max_header_bytes=2000),
        stage("shop", hosts=["shop.example"], allowed_origins=["https://shop.example", "https://app.example"]),
        stage("open", hosts=["open.example"], allowed_origins=["*"]),
        stage("alone", hosts=["alone.example"], base_path="/only"),
        route("all", "/echo/{rest+}", "echo", "GET", "POST", stages=["main", "v1", "shop", "open"]),
        route("main-only", "/main", "echo"),
        route("v1-only", "/v1-only", "echo", stages=["v1"]),
        route("cookies", "/cookies", "echo", stages=["shop"]),
    ]
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    opened = Door(tmp_path_factory.mktemp("stages"), pieces, redis_url=nowhere)
    yield opened
    opened.stop()


def at(door, host, path, method="GET", *fields, body=b""):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return talk(door.port, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, head=method == "HEAD")


def test_the_base_path_is_taken_off_before_the_downstream_sees_the_path(door):
    assert at(door, "h", "/v1/echo/a%2Fb?x").json()["target"] == "/echo/a%2Fb?x"
    assert at(door, "h", "/%76%31/echo/x").json()["target"] == "/echo/x", "however its base is spelled"
    assert at(door, "h", "/echo/v1/x").json()["target"] == "/echo/v1/x"


def test_each_stage_has_the_routes_that_name_it(door):
    assert [at(door, "h", path).status for path in ("/main", "/v1/main", "/v1-only", "/v1/v1-only")] == [
        200,
        404,
        404,
        200,
    ]


def test_a_host_and_path_of_no_stage_lead_nowhere(tmp_path, echo):
    pieces = [target("echo", echo.port), stage("main", hosts=["api.example"]), route("all", "/{rest+}", "echo")]
    opened = Door(tmp_path, pieces, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    try:
        answer = at(opened, "other.example", "/x")
        assert (answer.status, answer.json()["type"]) == (404, "/problems/not-found")
        assert at(opened, "api.example:80", "/x").status == 200
        assert at(opened, "other.example", "/-/healthz").status == 200, "built-ins answer at every host"
    finally:
        opened.stop()


def test_a_body_over_the_stages_own_limit_is_refused_announced_or_not(door):
    assert at(door, "h", "/v1/echo/x", "POST", body=b"x" * 10).status == 200
    answer = at(door, "h", "/v1/echo/x", "POST", ("Expect", "100-continue"), ("Content-Length", "11"))
    assert (answer.status, answer.json()["limit"]) == (413, 10)
    chunked = b"POST /v1/echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += b"b\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n"
    assert talk(door.port, chunked).status == 413
    assert at(door, "h", "/echo/x", "POST", body=b"x" * 11).status == 200, "another stage, another limit"


def test_a_header_section_over_the_stages_limit_is_refused_with_431(door):
    answer = at(door, "h", "/v1/echo/x", "GET", ("X-Long", "x" * 2000))
    assert (answer.status, answer.json()["type"], answer.json()["limit"]) == (431, "/problems/headers-too-large", 2000)
    assert at(door, "h", "/echo/x", "GET", ("X-Long", "x" * 2000)).status == 200


PREFLIGHT = (("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-api-key, content-type"))


def test_a_preflight_is_answered_here_for_the_stages_origins(door, echo):
    before = len(echo.asked)
    answer = at(door, "shop.example", "/echo/x", "OPTIONS", ("Origin", "https://app.example"), *PREFLIGHT)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert answer.headers["access-control-allow-headers"] == "x-api-key, content-type"
    assert "Origin" in answer.headers["vary"]
    assert len(echo.asked) == before, "the downstream is not asked"


def test_a_preflight_of_a_foreign_origin_gets_no_permission(door):
    answer = at(door, "shop.example", "/echo/x", "OPTIONS", ("Origin", "https://evil.example"), *PREFLIGHT)
    assert answer.status == 204
    assert not [name for name, _ in answer.fields if name.startswith("access-control-")]
    assert "Origin" in answer.headers["vary"]
    nowhere = at(door, "shop.example", "/nowhere", "OPTIONS", ("Origin", "https://app.example"), *PREFLIGHT)
    assert nowhere.status == 404


def test_answers_and_problems_of_the_stage_say_who_may_read_them(door):
    for path in ("/echo/x", "/nowhere"):
        mine = at(door, "shop.example", path, "GET", ("Origin", "https://shop.example"))
        assert mine.headers["access-control-allow-origin"] == "https://shop.example"
        assert "RateLimit" in mine.headers["access-control-expose-headers"]
        assert "Origin" in mine.headers["vary"]
        foreign = at(door, "shop.example", path, "GET", ("Origin", "https://evil.example"))
        assert "access-control-allow-origin" not in foreign.headers
        assert "Origin" in foreign.headers["vary"], "else a cache gives one origin's answer to another"
    anybody = at(door, "open.example", "/echo/x", "GET", ("Origin", "https://evil.example"))
    assert anybody.headers["access-control-allow-origin"] == "*"
    assert "vary" not in anybody.headers


def test_a_stage_without_origins_leaves_them_to_the_downstream(door):
    answer = at(door, "h", "/echo/x", "GET", ("Origin", "https://shop.example"))
    assert "access-control-allow-origin" not in answer.headers
    heard = dict(answer.json()["fields"])
    assert heard["origin"] == "https://shop.example"


def test_nothing_that_happened_left_a_traceback(door):
    lines = [json.loads(line) for line in door.log.read_text().splitlines() if line.startswith("{")]
    assert not [line for line in lines if line.get("event") == "request_failed"]

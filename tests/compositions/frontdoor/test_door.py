"""A real front door without Valkey and database, asked over real sockets."""

import json
import socket
import time

import pytest

from .equipment import eventually, hear, talk


def heard(answer):
    found = answer.json()
    return found["method"], found["target"], dict(found["fields"]), found["body"]


def test_a_request_passes_with_method_path_query_fields_and_body(door):
    answer = door.ask(
        "/echo/a%2Fb/c%20d?x=1&y", "PUT", ("X-One", "1"), ("Content-Type", "text/plain"), body=b"\x00\xff"
    )
    method, target, fields, body = heard(answer)
    assert (method, target, body) == ("PUT", "/echo/a%2Fb/c%20d?x=1&y", "\x00\xff")
    assert (fields["x-one"], fields["content-type"], fields["content-length"]) == ("1", "text/plain", "2")
    assert answer.headers["x-cache"] == "LIVE"
    assert answer.headers["via"] == "1.1 switchgear"
    assert "age" not in answer.headers


def test_the_target_sees_its_own_host_and_who_asked(door, echo):
    _, _, fields, _ = heard(door.ask("/echo/", "GET", ("X-Forwarded-For", "1.2.3.4"), ("Keep-Alive", "timeout=5")))
    assert fields["host"] == f"127.0.0.1:{echo.port}"
    assert fields["x-forwarded-host"] == f"127.0.0.1:{door.port}"
    assert fields["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert fields["x-forwarded-proto"] == "http"
    assert "keep-alive" not in fields


def test_text_above_ascii_arrives_as_the_same_bytes(door):
    as_bytes = "café".encode().decode("latin-1")  # the client and the downstream of these tests speak bytes
    assert heard(door.ask("/echo/x", "GET", ("X-Name", as_bytes)))[2]["x-name"] == as_bytes


def test_repeated_answer_fields_stay_apart_and_hop_by_hop_ones_end_here(door):
    answer = door.ask("/cookies")
    assert [value for name, value in answer.fields if name == "set-cookie"] == ["a=1", "b=2"]
    assert "x-hop" not in answer.headers


def test_a_parameter_is_carried_into_the_targets_path(door):
    assert heard(door.ask("/items/a%2fb?q"))[1] == "/v2/things/a%2Fb?q"


def test_a_request_id_goes_along_both_ways(door):
    answer = door.ask("/echo/", "GET", ("X-Request-ID", "order-4711-a"))
    assert heard(answer)[2]["x-request-id"] == answer.headers["x-request-id"] == "order-4711-a"


@pytest.mark.parametrize("bad", ["short", "x" * 65, "with space here", 'quote"quote'])
def test_a_strange_request_id_is_replaced(door, bad):
    answer = door.ask("/echo/", "GET", ("X-Request-ID", bad))
    assert answer.headers["x-request-id"] not in ("", bad)
    assert [name for name, _ in answer.fields].count("x-request-id") == 1


def test_two_requests_never_share_a_made_id(door):
    assert door.ask("/echo/").headers["x-request-id"] != door.ask("/echo/").headers["x-request-id"]


def test_head_of_a_get_route_asks_with_get_and_tells_the_length(door, echo):
    answer = door.ask("/echo/", "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert echo.asked[-1]["method"] == "GET"


def test_head_of_a_route_that_names_it_is_passed_as_head(door, echo):
    answer = door.ask("/heads", "HEAD")
    assert echo.asked[-1]["method"] == "HEAD"
    assert int(answer.headers["content-length"]) > 0


def test_an_answer_without_body_stays_without(door):
    answer = door.ask("/empty")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-length" not in answer.headers


def test_no_route_is_a_problem(door):
    answer = door.ask("/nowhere")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["type"], document["status"], document["title"]) == ("/problems/not-found", 404, "Not found")
    assert document["request_id"] == answer.headers["x-request-id"]


def test_a_method_that_no_route_offers_is_405_with_allow(door):
    answer = door.ask("/items", "DELETE")
    assert answer.status == 405
    assert answer.headers["allow"] == "OPTIONS, POST"
    assert door.ask("/items", "OPTIONS").status == 204


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_would_open_a_tunnel_or_echo_secrets_are_refused(door, method):
    assert door.ask("/echo/x", method).status == 501


@pytest.mark.parametrize("path", ["/echo/../items/1", "/echo//x", "/echo/%2e%2e/x", "/echo/a%2f..%2fb", "/echo/%zz"])
def test_a_path_that_could_be_read_two_ways_is_refused(door, path):
    answer = door.ask(path)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_announced(door):
    raw = b"POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100001\r\nExpect: 100-continue\r\n\r\n"
    answer = talk(door.port, raw)
    assert answer.status == 413
    assert answer.json()["limit"] == 100000


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(door):
    chunk = b"%x\r\n%b\r\n" % (30_000, b"x" * 30_000)
    raw = b"POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 4
    assert talk(door.port, raw).status == 413


def test_a_chunked_body_within_the_limit_arrives_with_its_length(door):
    raw = b"POST /echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    _, _, fields, body = heard(talk(door.port, raw + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
    assert (body, fields["content-length"]) == ("abcde", "5")
    assert "transfer-encoding" not in fields


def test_an_expectation_is_met_here_and_not_passed_on(door):
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as wire:
        wire.sendall(b"POST /echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nExpect: 100-continue\r\n")
        wire.sendall(b"Content-Length: 3\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 100 Continue")
        wire.sendall(b"abc")
        _, _, fields, body = heard(hear(wire.makefile("rb")))
    assert body == "abc"
    assert "expect" not in fields
    assert door.ask("/echo/x", "POST", ("Expect", "a-miracle"), body=b"x").status == 417


def test_a_client_that_hangs_up_takes_its_call_along(door, echo):
    before = echo.hung_up
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as wire:
        wire.sendall(b"GET /hang/up HTTP/1.1\r\nHost: h\r\n\r\n")
        time.sleep(0.3)
        assert echo.hung_up == before
    left = time.monotonic()
    eventually(lambda: echo.hung_up > before, within_s=2)
    assert time.monotonic() - left < 1, "long before the call's own timeout"


def test_a_target_that_is_not_there_is_a_bad_gateway_with_its_name(door):
    answer = door.ask("/gone", "GET", ("Origin", "https://shop.example"))
    assert answer.status == 502
    document = answer.json()
    assert document["target"] == "gone"
    assert document["reason"]
    assert answer.headers["access-control-allow-origin"] == "*", "a page must be able to read what went wrong"


def test_a_target_that_hangs_is_a_gateway_timeout(door):
    answer = door.ask("/hang/on")
    assert (answer.status, answer.json()["target"]) == (504, "echo")


def test_a_static_answer_says_that_it_is_one(door):
    answer = door.ask("/static")
    assert (answer.status, answer.json(), answer.headers["x-cache"]) == (200, {"articles": []}, "STATIC")


def test_an_answer_that_would_smuggle_a_field_is_not_sent(door):
    answer = door.ask("/garbled")
    assert (answer.status, answer.json()["type"]) == (502, "/problems/unusable-answer")
    assert "x-smuggled" not in answer.headers


def test_health_answers_without_anything_else(door):
    answer = door.ask("/-/healthz")
    assert (answer.status, answer.json()["status"]) == (200, "ok")


def test_the_delay_flag_answers_with_database_and_valkey_down_and_says_that_it_is_stale(door):
    document = eventually(lambda: (found := door.ask("/-/processing-delay").json())["stale"] and found)
    assert document["delayed"] is False
    assert [entry["journey"] for entry in document["journeys"]] == ["subscribe"]
    answer = door.ask("/-/processing-delay/subscribe")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    again = door.ask("/-/processing-delay/subscribe", "GET", ("If-None-Match", answer.headers["etag"]))
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", answer.headers["etag"])


def test_an_unknown_journey_and_an_unknown_built_in_are_not_found(door):
    assert door.ask("/-/processing-delay/nope").status == 404
    assert door.ask("/-/nope").status == 404
    assert door.ask("/-/").status == 404


def test_built_ins_are_read_only(door):
    answer = door.ask("/-/processing-delay", "POST", body=b"{}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert door.ask("/-/processing-delay", "HEAD").status == 200


def test_a_browser_may_ask_for_the_flag_from_another_origin(door):
    asked = (("Origin", "https://shop.example"), ("Access-Control-Request-Method", "GET"))
    answer = door.ask("/-/processing-delay", "OPTIONS", *asked)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, OPTIONS"
    allowed = answer.headers["access-control-allow-headers"]
    assert "If-None-Match" in allowed
    assert "Idempotency-Key" in allowed
    assert int(answer.headers["access-control-max-age"]) > 0


def test_the_banner_comes_packed_for_those_who_can_unpack(door):
    plain = door.ask("/-/delay-banner.js")
    packed = door.ask("/-/delay-banner.js", "GET", ("Accept-Encoding", "br, gzip"))
    assert plain.headers["content-type"].startswith("text/javascript")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < 3 * 1024
    assert plain.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    again = door.ask("/-/delay-banner.js", "GET", ("If-None-Match", plain.headers["etag"]))
    assert again.status == 304
    refused = door.ask("/-/delay-banner.js", "GET", ("Accept-Encoding", "gzip;q=0"))
    assert "content-encoding" not in refused.headers


def test_nothing_that_happened_left_a_traceback(door):
    lines = [json.loads(line) for line in door.log.read_text().splitlines() if line.startswith("{")]
    assert not [line for line in lines if line.get("event") == "request_failed"]
    assert "Traceback" not in door.log.read_text()

"""Header fields on their way through the gateway."""

import pytest

from breakers.guard.messages import Answer
from compositions.frontdoor.headers import Incoming, answered, first


def onward(*fields: tuple[str, str], trust_peer: bool = False) -> list[tuple[str, str]]:
    incoming = Incoming([(name.encode(), value.encode("latin-1")) for name, value in fields])
    return incoming.onward(
        peer="10.0.0.9", scheme="http", http_version="1.1", request_id="request-1", trust_peer=trust_peer
    )


def reply(*fields: tuple[str, str], head: bool = False, **answer) -> list[tuple[str, str]]:
    made = Answer(answer.pop("status", 200), list(fields), answer.pop("body", b"x"), **answer)
    return [(name.decode(), value.decode()) for name, value in answered(made, b"request-1", head=head)]


ENDS_HERE = ["connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy", "te", "trailer"]
ENDS_HERE += ["transfer-encoding", "upgrade", "host", "content-length", "expect"]


@pytest.mark.parametrize("name", ENDS_HERE)
def test_what_speaks_about_one_connection_ends_here(name):
    assert name not in dict(onward((name, "x"), ("accept", "*/*")))


def test_fields_that_connection_lists_end_here_both_ways():
    sent = dict(onward(("connection", "close, X-Hop"), ("x-hop", "1"), ("x-far", "2")))
    assert "x-hop" not in sent
    assert sent["x-far"] == "2"
    back = dict(reply(("connection", "X-Hop"), ("x-hop", "1"), ("x-far", "2")))
    assert "x-hop" not in back
    assert back["x-far"] == "2"


def test_no_client_can_make_connection_take_away_what_this_gateway_says():
    sent = dict(onward(("connection", "x-forwarded-for, via, x-request-id"), ("x-forwarded-for", "1.1.1.1")))
    assert sent["x-forwarded-for"] == "1.1.1.1, 10.0.0.9"
    assert sent["x-request-id"] == "request-1"
    assert sent["via"] == "1.1 switchgear"


def test_repeated_fields_stay_repeated_and_in_order():
    sent = onward(("accept", "a"), ("cookie", "x=1"), ("accept", "b"))
    assert [value for name, value in sent if name == "accept"] == ["a", "b"]
    back = reply(("set-cookie", "a=1"), ("set-cookie", "b=2"))
    assert [value for name, value in back if name == "set-cookie"] == ["a=1", "b=2"]


def test_via_and_the_senders_are_added_to_not_replaced():
    sent = onward(("via", "1.0 fred"), ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2"))
    assert [value for name, value in sent if name == "via"] == ["1.0 fred", "1.1 switchgear"]
    assert dict(sent)["x-forwarded-for"] == "1.1.1.1, 2.2.2.2, 10.0.0.9"


def test_the_scheme_and_host_that_a_stranger_claims_are_not_believed():
    claimed = (("host", "shop.example"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.example"))
    sent = dict(onward(*claimed))
    assert (sent["x-forwarded-proto"], sent["x-forwarded-host"]) == ("http", "shop.example")
    sent = dict(onward(*claimed, trust_peer=True))
    assert (sent["x-forwarded-proto"], sent["x-forwarded-host"]) == ("https", "evil.example")


@pytest.mark.parametrize(
    ("fields", "trust_peer", "scheme"),
    [
        ((), True, "http"),
        ((("x-forwarded-proto", "https"),), False, "http"),
        ((("x-forwarded-proto", "https"),), True, "https"),
    ],
    ids=["unsaid", "stranger", "own-proxy"],
)
def test_the_scheme_is_what_a_proxy_of_our_own_says(fields, trust_peer, scheme):
    incoming = Incoming([(name.encode(), value.encode()) for name, value in fields])
    assert incoming.scheme("http", trust_peer=trust_peer) == scheme


def test_forwarded_is_left_alone():
    assert dict(onward(("forwarded", "for=1.1.1.1")))["forwarded"] == "for=1.1.1.1"


def test_text_above_ascii_is_read_and_written_as_utf_8_and_nothing_gets_lost_that_is_not():
    incoming = Incoming([(b"x-name", "café".encode()), (b"x-old", b"caf\xe9")])
    assert incoming.kept == [("x-name", "café"), ("x-old", "café")]
    assert dict(reply(("x-name", "café")))["x-name"] == "café"


@pytest.mark.parametrize(
    ("source", "fresh", "age_s", "said", "age"),
    [
        ("live", True, None, "LIVE", None),
        ("cache", True, 3.9, "HIT", "3"),
        ("cache", False, 77.0, "STALE", "77"),
        ("static", True, None, "STATIC", None),
    ],
)
def test_every_answer_says_where_it_came_from_and_how_old_it_is(source, fresh, age_s, said, age):
    back = dict(reply(("x-cache", "Hit from somewhere"), source=source, fresh=fresh, age_s=age_s))
    assert back["x-cache"] == said
    assert back.get("age") == age


def test_the_age_of_a_cached_answer_counts_the_time_it_spent_upstream():
    assert dict(reply(("age", "100"), source="cache", fresh=True, age_s=5.0))["age"] == "105"
    assert dict(reply(("age", "100")))["age"] == "100"


def test_the_length_is_the_servers_to_say_except_where_there_is_no_body():
    assert "content-length" not in dict(reply(("content-length", "999")))
    assert dict(reply(("content-length", "999"), body=b"", head=True))["content-length"] == "999"
    assert dict(reply(("content-length", "999"), body=b"", status=304))["content-length"] == "999"


def test_a_repeated_field_is_read_as_one_list():
    assert first([(b"accept", b"a"), (b"x", b"1"), (b"accept", b"b")], b"accept") == "a, b"
    assert first([], b"accept") is None

"""Stages are entrances: none takes another's requests, and none goes away while something enters there."""

from typing import Any

import pytest

from breakers.compiling import pieces
from breakers.documents.stages import document
from breakers.models import RequestRule, Stage
from breakers.operations import plans, stages, throttles
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import Conflict, Invalid, NotFound

DEFAULTS: dict[str, Any] = {
    "title": "",
    "hosts": [],
    "base_path": "/beta",
    "rate": None,
    "burst": None,
    "on_store_error": "local",
    "allowed_origins": [],
    "trusted_proxies": [],
    "max_body_bytes": None,
    "max_header_bytes": None,
    "cache": {"ttl_s": 0, "vary_headers": [], "vary_query": None},
}
WHOLE: dict[str, Any] = {
    "title": "Partners",
    "hosts": ["*.partners.example.com", "api.example.com", "[::1]"],
    "base_path": "/v2/partners",
    "rate": 12.5,
    "burst": 40,
    "on_store_error": "closed",
    "allowed_origins": ["https://shop.example.com", "http://localhost:3000"],
    "trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"],
    "max_body_bytes": 65_536,
    "max_header_bytes": 8192,
    "cache": {"ttl_s": 30, "vary_headers": ["Accept"], "vary_query": ["page"]},
}


def test_main_exists_from_the_start_and_takes_everything(root: Principal) -> None:
    main = document(stages.find("main"))
    assert (main["hosts"], main["base_path"], main["rate"]) == ([], "/", None)


def test_what_is_left_out_has_defaults(root: Principal) -> None:
    row, created = stages.put("beta", {"base_path": "/beta"}, by=root)
    assert (document(row), created) == ({"slug": "beta", **DEFAULTS}, True)


def test_what_is_read_can_be_written_back_and_is_what_front_doors_get(root: Principal) -> None:
    row, _ = stages.put("partners", WHOLE, by=root)
    assert document(row) == {"slug": "partners", **WHOLE}
    again, created = stages.put("partners", document(row), by=root)
    assert (document(again), created) == (document(row), False)
    body = next(piece.body for piece in pieces() if piece.key == "stage/partners")
    assert body == {**document(row), "created_at_ms": to_ms(row.created_at)}


def test_a_patch_keeps_the_rest_and_null_goes_back_to_the_default(root: Principal) -> None:
    stages.put("partners", WHOLE, by=root)
    row = stages.patch("partners", {"rate": None, "burst": None, "cache": {"ttl_s": 60}}, by=root, reason="calmer")
    assert document(row) == {
        "slug": "partners",
        **WHOLE,
        "rate": None,
        "burst": None,
        "cache": {**WHOLE["cache"], "ttl_s": 60},
    }
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.subject, entry.reason) == ("stage.patch", "stage:partners", "calmer")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"hosts": ["https://api.example.com"]}, "hosts[0]"),
        ({"hosts": ["api.example.com:8080"]}, "hosts[0]"),
        ({"hosts": ["api.*.com"]}, "hosts[0]"),
        ({"hosts": ["a.example.com", "A.example.com"]}, "hosts"),
        ({"base_path": "beta"}, "base_path"),
        ({"base_path": "/beta/"}, "base_path"),
        ({"base_path": "/a//b"}, "base_path"),
        ({"base_path": "/a/../b"}, "base_path"),
        ({"base_path": "/a%20b"}, "base_path"),
        ({"base_path": "/{id}"}, "base_path"),
        ({"base_path": "/-/x"}, "base_path"),
        ({"rate": 0}, "rate"),
        ({"rate": "10"}, "rate"),
        ({"burst": 5}, "burst"),
        ({"rate": 1, "burst": 0}, "burst"),
        ({"on_store_error": "allow"}, "on_store_error"),
        ({"allowed_origins": ["shop.example.com"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["https://shop.example.com/"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["https://shop.example.com:443"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["https://Shop.example.com"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["null"]}, "allowed_origins[0]"),
        ({"allowed_origins": ["*", "https://shop.example.com"]}, "allowed_origins"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "trusted_proxies[0]"),
        ({"trusted_proxies": ["proxy"]}, "trusted_proxies[0]"),
        ({"max_header_bytes": 10}, "max_header_bytes"),
        ({"cache": {"ttl_s": -1}}, "cache.ttl_s"),
        ({"colour": "red"}, "colour"),
        ({"slug": "gamma"}, "slug"),
    ],
    ids=str,
)
def test_a_malformed_stage_is_refused_with_its_path(root: Principal, change: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        stages.put("beta", {"base_path": "/beta", **change}, by=root)
    assert [problem.path for problem in refused.value.problems] == [path]
    assert not Stage.objects.filter(slug="beta").exists()


def test_two_stages_never_take_the_same_requests(root: Principal) -> None:
    with pytest.raises(Invalid, match="same requests") as refused:
        stages.put("beta", {}, by=root)
    assert "Stage main takes the requests to every host at /" in refused.value.problems[0].message
    stages.put("partners", {"hosts": ["a.example.com", "b.example.com"]}, by=root)
    with pytest.raises(Invalid) as refused:
        stages.put("others", {"hosts": ["B.example.com"]}, by=root)
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [("hosts", "duplicate")]
    stages.put("others", {"hosts": ["b.example.com"], "base_path": "/others"}, by=root)
    stages.put("wild", {"hosts": ["*.example.com"]}, by=root)


def test_a_stage_that_is_used_is_not_closed_and_says_by_what(root: Principal) -> None:
    beta, _ = stages.put("beta", {"base_path": "/beta"}, by=root)
    plans.put("gold", {"stages": ["beta"]}, by=root)
    throttles.put("calm", {"scope": "stage", "stage": "beta", "rate": 5}, by=root)
    RequestRule.objects.create(slug="scrapers", stage=beta)
    with pytest.raises(Conflict, match="plan gold, throttle calm, rule scrapers") as refused:
        stages.delete("beta", by=root)
    assert refused.value.extra["used_by"][0] == {"kind": "plan", "slug": "gold"}
    RequestRule.objects.all().delete()
    throttles.delete("calm", by=root)
    plans.delete("gold", by=root)
    stages.delete("beta", by=root)
    with pytest.raises(NotFound):
        stages.delete("beta", by=root)


def test_main_always_stays(root: Principal) -> None:
    with pytest.raises(Conflict, match="main stays"):
        stages.delete("main", by=root)

"""Routes are OpenAPI path templates that lead to registered targets; no two take the same requests."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from breakers.operations import plans, stages, targets, throttles
from compositions.compiling import pieces
from compositions.documents.routes import document
from compositions.models import Route
from compositions.operations import routes
from controlplane.audit.models import AuditEntry
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system("test")


def to(target: str = "catalog", **rest: Any) -> dict[str, Any]:
    return {"type": "target", "target": target, **rest}


ARTICLE: dict[str, Any] = {"path": "/articles/{id}", "integration": to()}
KEY = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True)
PRIVATE = jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
JWT: dict[str, Any] = {
    "type": "jwt",
    "issuer": "https://login.example.com",
    "audience": "articles",
    "jwks": {"keys": [{**KEY, "kid": "one"}]},
}
PROXY: dict[str, Any] = {"type": "trusted_header", "header": "X-Remote-User", "from": ["10.0.0.0/8"]}


def without(document: dict[str, Any], *names: str, **given: Any) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names} | given


@pytest.fixture(autouse=True)
def catalog(db: None) -> None:
    targets.put("catalog", {"base_url": "http://127.0.0.1:9001"}, by=SYSTEM)


def test_defaults_are_a_get_at_priority_100_to_the_same_path() -> None:
    row, created = routes.put("article", ARTICLE, by=SYSTEM)
    assert created
    assert document(row) == {
        "slug": "article",
        "title": "",
        "tags": [],
        "methods": ["GET"],
        "path": "/articles/{id}",
        "priority": 100,
        "enabled": True,
        "integration": {"type": "target", "target": "catalog", "path": None},
        "stages": ["main"],
        "api_key_required": False,
        "authorizer": None,
        "cache": {"ttl_s": None, "vary_headers": [], "vary_query": None},
    }


def test_what_is_read_can_be_written_back() -> None:
    row, _ = routes.put(
        "rest",
        {
            "methods": ["GET", "POST"],
            "path": "/{rest+}",
            "priority": 1000,
            "integration": to(path="/v2/{rest+}"),
            "stages": ["main"],
            "api_key_required": True,
            "authorizer": JWT,
            "cache": {"ttl_s": 60, "vary_headers": ["Accept"], "vary_query": []},
        },
        by=SYSTEM,
    )
    again, created = routes.put("rest", document(row), by=SYSTEM)
    assert (document(again), created) == (document(row), False)
    assert [(piece.kind, piece.slug, piece.body) for piece in pieces()] == [("route", "rest", document(row))]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"path": "articles"}, "path", "invalid"),
        ({"path": "/articles/{id}/{id}"}, "path", "invalid"),
        ({"path": "/{rest+}/articles"}, "path", "invalid"),
        ({"path": "/a{id}"}, "path", "invalid"),
        ({"path": "/a//b"}, "path", "invalid"),
        ({"path": "/a/../b"}, "path", "invalid"),
        ({"path": "/a?b"}, "path", "invalid"),
        ({"path": "/a b"}, "path", "invalid"),
        ({"path": "/-/healthz"}, "path", "invalid"),
        ({"methods": ["get"]}, "methods[0]", "invalid_choice"),
        ({"methods": ["GET", "BREW"]}, "methods[1]", "invalid_choice"),
        ({"methods": ["GET", "GET"]}, "methods", "duplicate"),
        ({"methods": []}, "methods", "min_length"),
        ({"priority": -1}, "priority", "min_value"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"integration": {"type": "target"}}, "integration.target", "required"),
        ({"integration": to("nothing")}, "integration.target", "unknown"),
        ({"integration": to(path="/{slug}")}, "integration.path", "unknown_parameter"),
        ({"integration": to(path="v2")}, "integration.path", "invalid"),
        ({"integration": {"type": "composition"}}, "integration.composition", "required"),
        ({"integration": {"type": "composition", "composition": "page"}}, "integration.composition", "unknown"),
        ({"integration": to(composition="page")}, "integration.composition", "unknown_field"),
        ({"integration": {"type": "lambda"}}, "integration.type", "invalid_choice"),
        ({"cache": {"ttl_s": -1}}, "cache.ttl_s", "min_value"),
        ({"cache": {"ttl_s": "60"}}, "cache.ttl_s", "invalid"),
        ({"stages": []}, "stages", "min_length"),
        ({"stages": ["main", "main"]}, "stages", "duplicate"),
        ({"stages": ["beta"]}, "stages[0]", "unknown"),
        ({"api_key_required": "yes"}, "api_key_required", "invalid"),
    ],
    ids=str,
)
def test_a_malformed_route_is_refused_with_its_path(change: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        routes.put("article", {**ARTICLE, **change}, by=SYSTEM)
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(path, code)]


@pytest.mark.parametrize(
    "authorizer",
    [JWT, without(JWT, "jwks", jwks_url="https://login.example.com/keys"), PROXY],
    ids=["jwks", "url", "proxy"],
)
def test_an_authorizer_is_kept_as_it_was_stated_and_goes_away_with_null(authorizer: dict[str, Any]) -> None:
    row, _ = routes.put("article", {**ARTICLE, "authorizer": authorizer}, by=SYSTEM)
    assert document(row)["authorizer"] == authorizer
    row = routes.patch("article", {"title": "Article"}, by=SYSTEM)
    assert document(row)["authorizer"] == authorizer
    assert document(routes.patch("article", {"authorizer": None}, by=SYSTEM))["authorizer"] is None


@pytest.mark.parametrize(
    ("authorizer", "path", "code"),
    [
        ({"type": "basic"}, "type", "invalid_choice"),
        (without(JWT, "issuer"), "issuer", "required"),
        (without(JWT, "audience"), "audience", "required"),
        (without(JWT, "jwks"), "jwks_url", "exactly_one"),
        ({**JWT, "jwks_url": "https://login.example.com/keys"}, "jwks_url", "exactly_one"),
        (without(JWT, "jwks", jwks_url="login.example.com/keys"), "jwks_url", "scheme"),
        ({**JWT, "jwks": {"keys": []}}, "jwks", "invalid"),
        ({**JWT, "jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "jwks.keys[0]", "symmetric"),
        ({**JWT, "jwks": {"keys": [PRIVATE]}}, "jwks.keys[0]", "private"),
        ({**JWT, "jwks": {"keys": [{"kty": "EC", "crv": "P-256"}]}}, "jwks.keys[0]", "invalid"),
        ({**JWT, "jwks": {"keys": [KEY, KEY]}}, "jwks.keys", "kid"),
        ({**JWT, "header": "X-User"}, "header", "unknown_field"),
        (without(PROXY, "from"), "from", "required"),
        ({**PROXY, "from": []}, "from", "min_length"),
        ({**PROXY, "from": ["proxy"]}, "from[0]", "invalid"),
        ({**PROXY, "header": "X User"}, "header", "invalid"),
    ],
)
def test_a_malformed_authorizer_is_refused_with_its_path(authorizer: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        routes.put("article", {**ARTICLE, "authorizer": authorizer}, by=SYSTEM)
    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(f"authorizer.{path}", code)]


def test_routes_of_different_stages_are_no_twins() -> None:
    stages.put("beta", {"base_path": "/beta"}, by=SYSTEM)
    stages.put("gamma", {"base_path": "/gamma"}, by=SYSTEM)
    routes.put("article", {**ARTICLE, "stages": ["main", "beta"]}, by=SYSTEM)
    routes.put("other", {**ARTICLE, "stages": ["gamma"]}, by=SYSTEM)
    with pytest.raises(Invalid, match="identical") as refused:
        routes.patch("other", {"stages": ["beta", "gamma"]}, by=SYSTEM)
    assert "Route article takes the same requests in stage beta" in refused.value.problems[0].message
    with pytest.raises(Conflict, match="route article"):
        stages.delete("beta", by=SYSTEM)


def test_a_route_that_limits_name_is_not_deleted_and_says_by_what() -> None:
    routes.put("article", ARTICLE, by=SYSTEM)
    plans.put(
        "gold",
        {"overrides": [{"route": "article", "rate": 1}, {"route": "article", "method": "GET", "rate": 2}]},
        by=SYSTEM,
    )
    throttles.put("calm", {"scope": "route", "route": "article", "rate": 5}, by=SYSTEM)
    with pytest.raises(Conflict, match="plan gold, throttle calm") as refused:
        routes.delete("article", by=SYSTEM)
    assert refused.value.extra["used_by"] == [{"kind": "plan", "slug": "gold"}, {"kind": "throttle", "slug": "calm"}]
    plans.delete("gold", by=SYSTEM)
    throttles.delete("calm", by=SYSTEM)
    routes.delete("article", by=SYSTEM)


def test_two_enabled_routes_never_take_the_same_requests() -> None:
    routes.put("article", ARTICLE, by=SYSTEM)
    twin = {**ARTICLE, "path": "/articles/{slug}", "methods": ["POST", "GET"]}
    with pytest.raises(Invalid, match="identical"):
        routes.put("twin", twin, by=SYSTEM)
    routes.put("twin", {**twin, "enabled": False}, by=SYSTEM)
    with pytest.raises(Invalid):
        routes.patch("twin", {"enabled": True}, by=SYSTEM)
    routes.patch("twin", {"enabled": True, "priority": 50}, by=SYSTEM)
    routes.put("post", {**twin, "methods": ["POST"]}, by=SYSTEM)
    routes.put("literal", {**ARTICLE, "path": "/articles/latest"}, by=SYSTEM)
    routes.put("remainder", {**ARTICLE, "path": "/articles/{rest+}"}, by=SYSTEM)


def test_moving_a_route_is_one_audited_act() -> None:
    targets.put("search", {"base_url": "http://127.0.0.1:9002"}, by=SYSTEM)
    routes.put("article", ARTICLE, by=SYSTEM)
    routes.patch("article", {"integration": {"target": "search"}}, by=SYSTEM, reason="cut-over")
    assert Route.objects.get().target.slug == "search"
    entry = AuditEntry.objects.order_by("-number")[0]
    assert (entry.action, entry.subject, entry.reason) == ("route.patch", "route:article", "cut-over")


def test_a_target_behind_a_route_is_not_deleted() -> None:
    routes.put("article", {**ARTICLE, "enabled": False}, by=SYSTEM)
    with pytest.raises(Conflict, match="route article"):
        targets.delete("catalog", by=SYSTEM)
    routes.delete("article", by=SYSTEM)
    targets.delete("catalog", by=SYSTEM)
    with pytest.raises(NotFound):
        routes.delete("article", by=SYSTEM)

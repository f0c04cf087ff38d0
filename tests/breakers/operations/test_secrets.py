"""Passwords of proxies and credentials of targets: stated once, kept encrypted, gone on with, and shown nowhere."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from breakers.documents import rows
from breakers.models import Target
from breakers.operations import targets
from controlplane.audit.models import AuditEntry
from controlplane.config.models import ConfigHead, ConfigPiece, Revision
from controlplane.kernel import secrets
from controlplane.kernel.access import Principal
from controlplane.kernel.errors import Invalid

pytestmark = pytest.mark.usefixtures("valkey", "db")
SYSTEM = Principal.system("test")
PROXY = {"url": "http://10.0.0.1:3128", "username": "ada", "password": "hush-hush"}
KEY = {"type": "header", "name": "X-Api-Key", "value": "psst-psst"}
BASIC = {"type": "basic", "username": "svc", "password": "psst-psst"}


def put(**fields: Any) -> dict[str, Any]:
    return rows.document(targets.put("erp", {"base_url": "http://erp.example", **fields}, by=SYSTEM)[0])


def row() -> Target:
    return Target.objects.get(slug="erp")


def problems(**fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        put(**fields)
    return [(problem.path, problem.code) for problem in refused.value.problems]


def test_a_secret_is_kept_encrypted_and_shown_nowhere() -> None:
    document = put(proxy=PROXY, credentials=BASIC)
    assert document["proxy"]["password"]["set"] is True
    assert document["credentials"]["username"] == "svc"
    assert secrets.reveal(row().proxy_password) == "hush-hush"
    everything = [*AuditEntry.objects.values(), *Revision.objects.values(), *ConfigPiece.objects.values()]
    text = json.dumps([document, *everything, *Target.objects.values()], default=str)
    assert [word for word in ("hush-hush", "psst-psst") if word in text] == []
    piece = ConfigPiece.objects.filter(kind="target").latest("digest")
    assert secrets.reveal(piece.body["proxy"]["password"]["sealed"]) == "hush-hush"


@pytest.mark.parametrize("credentials", [KEY, BASIC, None])
def test_what_get_gives_can_be_put_back_and_changes_nothing(credentials: dict[str, Any] | None) -> None:
    document = put(proxy=PROXY, credentials=credentials)
    head, kept = ConfigHead.objects.get().number, row().proxy_password
    again, _ = targets.put("erp", document, by=SYSTEM)
    assert rows.document(again) == document
    assert (ConfigHead.objects.get().number, row().proxy_password) == (head, kept)


def test_a_new_secret_is_a_change_and_a_patch_elsewhere_keeps_it() -> None:
    put(proxy=PROXY)
    entries = AuditEntry.objects.count()
    targets.patch("erp", {"timeout_ms": 100}, by=SYSTEM)
    assert secrets.reveal(row().proxy_password) == "hush-hush"
    targets.patch("erp", {"proxy": {"password": "other"}}, by=SYSTEM)
    assert secrets.reveal(row().proxy_password) == "other"
    assert AuditEntry.objects.count() == entries + 2


def test_what_is_left_out_is_gone() -> None:
    put(proxy=PROXY, credentials=KEY)
    document = put(proxy={"url": PROXY["url"]})
    assert document["proxy"] == {"url": PROXY["url"], "username": "", "password": None}
    assert document["credentials"] is None
    assert (row().proxy_password, row().credentials_secret) == ("", "")


def test_a_kept_secret_is_not_sent_to_another_place() -> None:
    put(proxy=PROXY, credentials=KEY)
    kept = {"set": True}
    moved = {**PROXY, "url": "http://10.0.0.2:3128", "password": kept}
    assert problems(proxy=moved, credentials={**KEY, "value": kept}) == [
        ("proxy.password", "elsewhere"),
        ("credentials.value", "elsewhere"),
    ]
    same = {"proxy": {**PROXY, "password": kept}, "credentials": {**KEY, "value": kept}}
    assert problems(**same, base_url="http://evil.example") == [("credentials.value", "elsewhere")]
    assert problems(proxy=moved | {"password": "x"}, credentials=same["credentials"]) == [
        ("credentials.value", "elsewhere")  # plain HTTP, which another proxy could read
    ]
    assert put(credentials=same["credentials"])["credentials"]["value"]["set"]  # straight to the same place
    put(proxy=PROXY, credentials=KEY)
    assert put(**same, base_url="http://erp.example/v2")["credentials"]["value"]["set"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"proxy": {**PROXY, "password": {"set": True}}}, ("proxy.password", "not_kept")),
        ({"proxy": {**PROXY, "url": "https://10.0.0.1"}}, ("proxy.url", "scheme")),
        ({"proxy": {**PROXY, "url": "http://a:b@10.0.0.1"}}, ("proxy.url", "credentials")),
        ({"proxy": {**PROXY, "url": "http://169.254.169.254"}}, ("proxy.url", "address_refused")),
        ({"proxy": {**PROXY, "username": ""}}, ("proxy.username", "required")),
        ({"proxy": {**PROXY, "password": "a\r\nb"}}, ("proxy.password", "invalid")),
        ({"proxy": {**PROXY, "password": 7}}, ("proxy.password", "invalid")),
        ({"credentials": {"type": "basic", "username": "a:b", "password": "x"}}, ("credentials.username", "invalid")),
        ({"credentials": {"type": "basic", "password": "x"}}, ("credentials.username", "required")),
        ({"credentials": {**KEY, "name": "Host"}}, ("credentials.name", "own")),
        ({"credentials": {**KEY, "password": "x"}}, ("credentials.password", "unknown_field")),
        ({"credentials": {**KEY, "value": {"set": True}}}, ("credentials.value", "not_kept")),
    ],
)
def test_problems_name_the_field(fields: dict[str, Any], found: tuple[str, str]) -> None:
    assert found in problems(**fields)


def test_secrets_are_sealed_anew_under_the_first_key(settings: Any, capsys: Any) -> None:
    put(proxy=PROXY, credentials=KEY)
    settings.SECRETS_KEY = ("a key of its own, long",)
    call_command("reseal_secrets")
    assert "1 targets: erp" in capsys.readouterr().out
    settings.SECRET_KEY = "another, so that only the list is left"
    assert secrets.reveal(row().proxy_password) == "hush-hush"
    assert secrets.reveal(row().credentials_secret) == "psst-psst"

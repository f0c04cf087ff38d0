"""What the front door answers by itself, with a data plane of its own: the pass of a challenge."""

from urllib.parse import urlencode

import altcha
import pytest

from .inside import inside

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

TLS = ("X-Forwarded-Proto", "https")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


async def passed(door, *fields) -> str:
    """The cookie of somebody who meets a challenge."""
    asked = await door.ask("/-/challenge/new?stage=main&rule=prove", "GET", *fields)
    challenge = altcha.Challenge.from_dict(asked.json())
    solution = altcha.Payload(challenge, altcha.solve_challenge(challenge)).to_base64()
    body = urlencode({"altcha": solution, "return": "/", "stage": "main", "rule": "prove"}).encode()
    answer = await door.ask("/-/challenge", "POST", FORM, ("Content-Length", str(len(body))), *fields, body=body)
    assert answer.status == 303
    return answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("trust_peer", "fields", "secure"),
    [(True, (TLS,), True), (True, (), False), (False, (TLS,), False)],
    ids=["own-proxy", "own-proxy-plain", "stranger"],
)
async def test_the_pass_is_secure_behind_a_proxy_of_our_own_that_speaks_tls(
    valkey, settings, tmp_path, trust_peer, fields, secure
):
    settings.LAST_GOOD = tmp_path / "last-good.json"
    async with inside(trust_peer=trust_peer) as door:
        assert ("Secure" in (await passed(door, *fields)).split("; ")) is secure

"""The configuration document says all that the data plane needs, and nothing that changes without a change."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from breakers.compiling import pieces
from breakers.core.settings import parse_target
from breakers.documents import rows
from breakers.models import Contract, Target
from breakers.operations import journeys, overrides, plans, stages, targets, throttles
from controlplane.kernel.access import Principal


def test_a_target_travels_as_its_public_document_with_the_ledgers_of_its_contracts(root: Principal) -> None:
    document = {"base_url": "http://127.0.0.1:9001", "contracts": [{"limit": 5, "period_s": 1}]}
    row, _ = targets.put("catalog", {**document, "cache": {"vary_headers": ["Accept-Language"]}}, by=root)
    piece = next(piece for piece in pieces() if piece.kind == "target")
    contract = Contract.objects.get()
    (sent,) = piece.body["contracts"]
    assert (sent.pop("id"), piece.kind, piece.slug) == (contract.pk, "target", "catalog")
    assert sent.pop("created_at_ms") == round(contract.created_at.timestamp() * 1000)
    assert piece.body["cache"].pop("vary_headers") == ["accept-language"]
    public = rows.document(row)
    public["cache"].pop("vary_headers")
    assert piece.body == public
    assert parse_target({**piece.body}).contracts[0].limit == 5


def test_orders_journeys_and_words_are_pieces_of_their_own(catalog: Target, root: Principal) -> None:
    overrides.put("catalog", state="DISABLED", reason="drill", by=root, expires_in_s=None)
    journeys.put("reading", {"targets": ["catalog"]}, by=root)
    journeys.put_delay("reading", reason="backlog", by=root, expires_in_s=60)
    found = {(piece.kind, piece.slug): piece.body for piece in pieces()}
    assert set(found) == {
        ("target", "catalog"),
        ("override", "catalog"),
        ("journey", "reading"),
        ("delay", "reading"),
        ("stage", "main"),
    }
    order = found["override", "catalog"]
    assert (order["state"], order["reason"], order["by"], order["expires_at_ms"]) == ("DISABLED", "drill", "root", None)
    word = found["delay", "reading"]
    assert word["expires_at_ms"] - word["since_ms"] == 60_000


def test_compiling_asks_as_many_questions_for_ten_of_each_as_for_one(root: Principal) -> None:
    def questions(numbers: range) -> int:
        for number in numbers:
            targets.put(f"target-{number}", {"base_url": "http://127.0.0.1:9001", "probe": {}}, by=root)
            journeys.put(f"journey-{number}", {"targets": [f"target-{number}"], "messages": {"en": "Soon."}}, by=root)
            stages.put(f"stage-{number}", {"base_path": f"/stage-{number}"}, by=root)
            plans.put(f"plan-{number}", {"overrides": [{"method": "POST", "rate": 1}]}, by=root)
            throttles.put(f"t-{number}", {"scope": "stage", "stage": f"stage-{number}", "rate": 1}, by=root)
        with CaptureQueriesContext(connection) as asked:
            assert len(list(pieces())) == 5 * numbers.stop + 1  # and the stage main
        return len(asked)

    assert questions(range(1)) == questions(range(1, 10))

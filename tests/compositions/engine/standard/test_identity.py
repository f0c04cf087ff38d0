"""Ids of executions sort as they were made, also those of one millisecond."""

from compositions.engine.standard.identity import new_id


def test_ids_of_a_process_rise() -> None:
    ids = [new_id() for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert {len(one) for one in ids} == {26}

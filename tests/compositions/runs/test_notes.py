"""What a front door notes of its runs: all of them in figures, few of them as stories, and nothing without bounds."""

from compositions.engine.express import Run
from compositions.resources.context import Met
from compositions.runs import figures
from compositions.runs.notes import MOST_CALLS, MOST_WAITING, RunNotes

NOON = 1_800_000_000.0


def run(at=NOON, ms=10.0, complete=True, status="SUCCEEDED", slug="page", met=(), **rest):
    return Run(slug, 1, status, complete=complete, started_at=at, ms=ms, met=list(met), **rest)


def notes():
    return RunNotes(lambda slug, place: "/".join(["", "States", str(place[-1][0])]))


def test_every_run_counts_in_its_minute():
    noted = notes()
    for second in (0, 10, 61):
        met = [Met((("Ask", 1),), "search", "cache"), Met((("Get", 1),), "articles", "live")]
        noted.note(run(NOON + second, met=met))
    noted.note(run(NOON + 62, status="FAILED", complete=False, error="Breaker.Open"))
    batch = noted.taken()
    told = {minute - int(NOON // 60): figures.told(counts) for _, minute, counts in batch.figures}
    assert (told[0].runs, told[0].complete, told[0].from_cache, told[0].kept_answers) == (2, 1, 1, 0.5)
    assert (told[1].runs, told[1].failed, told[1].complete) == (2, 1, 0.5)
    assert not noted.taken().figures


def test_of_quick_and_good_runs_one_is_kept_now_and_then():
    noted = notes()
    for tenth in range(250):
        noted.note(run(NOON + tenth / 10))
    assert [story.why for story in noted.taken().stories] == ["sample"] * 3


def test_what_failed_or_lacked_a_part_is_kept_up_to_so_many_a_second():
    noted = notes()
    for _ in range(20):
        noted.note(run(complete=False))
        noted.note(run(complete=False, status="FAILED", error="States.Timeout", cause="x" * 5000))
    stories = noted.taken().stories
    assert sorted(story.why for story in stories) == ["failed"] * 5 + ["partial"] * 3
    assert max(len(story.cause) for story in stories) == 1000


def test_what_a_downstream_said_of_its_failure_is_kept_without_secrets():
    noted = notes()
    said = '{"card": "4111 1111 1111 1111", "sent": "Bearer abcdefgh12345678"}'
    noted.note(run(complete=False, status="FAILED", error="States.Http.StatusCode.500", cause=said))
    cause = noted.taken().stories[0].cause
    assert "4111" not in cause
    assert "abcdefgh" not in cause
    assert '"card"' in cause


def test_slow_is_what_takes_longer_than_nearly_all_of_late():
    noted = notes()
    noted.note(run(ms=5000))
    assert [story.why for story in noted.taken().stories] == ["sample"]
    for _ in range(200):
        noted.note(run(NOON + 1, ms=12))
    noted.taken()
    noted.note(run(NOON + 2, ms=900))
    noted.note(run(NOON + 2, ms=12))
    assert [story.why for story in noted.taken().stories] == ["slow"]


def test_a_story_names_the_states_and_leaves_out_calls_beyond_the_bound():
    noted = notes()
    noted.note(run(met=[Met((("Ask", 1),), "search", "cache", False, 3.04, "OPEN", 200)] * (MOST_CALLS + 2)))
    story = noted.taken().stories[0]
    assert (story.calls[0].path, story.calls[0].age_s, story.calls_left_out) == ("/States/Ask", 3.0, 2)


def test_what_could_not_be_handed_on_waits_in_bounds():
    noted = notes()
    for second in range(MOST_WAITING):
        for _ in range(3):
            noted.note(run(NOON + second, complete=False))
    batch = noted.taken()
    assert (len(batch.stories), batch.left_out) == (MOST_WAITING, 2 * MOST_WAITING)
    noted.note(run(NOON))
    noted.give_back(batch)
    again = noted.taken()
    assert sum(counts[figures.RUNS] for _, _, counts in again.figures) == 3 * MOST_WAITING + 1
    assert again.left_out == 3 * MOST_WAITING

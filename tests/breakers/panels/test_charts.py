"""Charts: what is drawn, what is said beside it, and that both agree."""

import re
import xml.etree.ElementTree as ET

import pytest
from django.template.loader import render_to_string

from breakers.panels import charts
from breakers.panels.charts import Column

NS = "{http://www.w3.org/2000/svg}"


def drawing(part):
    return ET.fromstring(part.svg)


def shapes(part, kind):
    return [shape for shape in drawing(part) if shape.get("class") == kind]


def hour(*values, refused=0):
    return [Column(f"14:{index:02}", value, refused) for index, value in enumerate(values)]


def test_use_is_bars_with_the_limit_as_a_line_at_its_height():
    chart = charts.use("use", "Use", hour(10, 50, 0), limit=100)
    assert chart.parts[0].top == "120 requests/s"
    bars = shapes(chart.parts[0], "passed")
    assert [float(bar.get("height")) for bar in bars] == pytest.approx([8.3, 41.7])
    assert float(shapes(chart.parts[0], "limit")[0].get("y1")) == pytest.approx(16.7)
    assert (
        chart.words == "At most 50 requests/s, at 14:01, 50\u00a0% of the limit of 100 requests/s; nothing was refused."
    )


def test_refusals_stand_on_top_of_what_was_let_through():
    chart = charts.use("use", "Use", hour(80, refused=20), limit=80)
    passed, refused = shapes(chart.parts[0], "passed")[0], shapes(chart.parts[0], "refused")[0]
    assert float(refused.get("y")) + float(refused.get("height")) == pytest.approx(float(passed.get("y")))
    assert ("refused", "refused") in chart.legend
    assert "refusals in 1 of 1 minutes" in chart.words


def test_a_limit_far_above_the_use_is_told_and_not_drawn():
    chart = charts.use("use", "Use", hour(1, 2), limit=1000)
    assert not shapes(chart.parts[0], "limit")
    assert ("limit", "limit 1,000 requests/s, far above") in chart.legend


def test_without_any_request_the_limit_still_gives_the_scale():
    chart = charts.use("use", "Use", hour(0, 0), limit=10)
    assert len(shapes(chart.parts[0], "limit")) == 1
    assert chart.words == "No requests in this time."


def test_one_request_among_thousands_is_still_seen():
    chart = charts.use("use", "Use", hour(100_000, 1))
    assert min(float(bar.get("height")) for bar in shapes(chart.parts[0], "passed")) >= 1


def test_the_table_has_every_column_newest_first():
    chart = charts.use("use", "Use", hour(0.25, 3.5, refused=2), unit="requests/min")
    assert chart.head == ("When", "Let through (requests/min)", "Refused (requests/min)")
    assert chart.rows == [("14:01", "3.5", "2"), ("14:00", "0.25", "2")]


def test_a_limit_is_called_what_it_is():
    chart = charts.use("use", "Use", hour(10, 50), limit=100, called="the plan's own limit")
    assert ("limit", "plan's own limit 100 requests/s") in chart.legend
    assert "50\u00a0% of the plan's own limit of 100 requests/s" in chart.words


def test_reasons_are_small_drawings_on_one_scale_most_frequent_first():
    chart = charts.reasons("why", "Refused", ["a", "b"], {"rate": [1, 0], "quota": [4, 6], "never": [0, 0]})
    assert [part.name for part in chart.parts] == ["quota", "rate"]
    assert {part.top for part in chart.parts} == {"6 requests"}
    assert [part.total for part in chart.parts] == ["10 (91\u00a0%)", "1 (9.1\u00a0%)"]
    assert chart.words == "11 requests in all."
    assert chart.head == ("When", "quota", "rate")
    assert chart.rows[0] == ("b", "6", "0")


def test_a_single_reason_has_no_share():
    (part,) = charts.reasons("why", "Refused", ["a"], {"rate": [3], "quota": [0]}).parts
    assert (part.name, part.total) == ("rate", "3")


def test_without_refusals_there_is_a_sentence_instead_of_a_drawing():
    chart = charts.reasons("why", "Refused", ["a"], {"rate": [0]})
    assert not chart.drawn
    assert "Nothing was refused." in render_to_string("breakers/chart.html", {"chart": chart})


@pytest.mark.parametrize(
    ("used", "forecast", "kind"), [(10, 50, "passed"), (10, 110, "ahead"), (100, 110, "over"), (120, None, "over")]
)
def test_a_quota_bar_shows_how_it_stands(used, forecast, kind):
    chart = charts.quota("q", "Quota", used=used, limit=100, elapsed=0.5, forecast=forecast)
    assert len(shapes(chart.parts[0], kind)) == 1
    assert len(shapes(chart.parts[0], "forecast")) == (forecast is not None)
    assert len(shapes(chart.parts[0], "limit")) == (max(used, forecast or 0) > 100)


def test_a_forecast_beyond_the_bar_is_told_and_leaves_no_mark_at_its_edge():
    chart = charts.quota("q", "Quota", used=10, limit=100, forecast=1000)
    assert not shapes(chart.parts[0], "forecast")
    assert not shapes(chart.parts[0], "limit")
    assert ("forecast", "1,000 by the end at the present pace, beyond this bar") in chart.legend


def test_quota_bars_of_one_list_share_a_scale_however_far_they_will_go():
    bars = [charts.quota("q", "Quota", used=50, limit=100, forecast=f).parts[0] for f in (None, 90, 1_000_000)]
    assert {shapes(bar, "room")[0].get("width") for bar in bars} == {"869.6"}


def test_a_quota_bar_marks_where_even_use_would_stand():
    chart = charts.quota("q", "Quota", used=10, limit=100, elapsed=0.25)
    assert float(shapes(chart.parts[0], "pace")[0].get("x1")) == pytest.approx(1000 * 0.25 / charts.BEYOND, abs=0.1)
    assert ("pace", "even use would be at 25") in chart.legend


@pytest.mark.parametrize(
    "chart",
    [
        charts.use("<u>", '<b>"&', [Column("<i>", 1, 1)], limit=1),
        charts.reasons("<u>", '<b>"&', ["<i>"], {"<script>": [1]}),
        charts.quota("<u>", '<b>"&', used=1, limit=2, words="<script>"),
    ],
    ids=["use", "reasons", "quota"],
)
def test_every_drawing_is_well_formed_named_and_free_of_styles(chart):
    for part in chart.parts:
        svg = drawing(part)
        assert svg.get("role") == "img"
        title, description = svg.get("aria-labelledby").split()
        assert svg.find("title").get("id") == title
        assert svg.find("desc").get("id") == description
        assert svg.get("width")
        assert svg.get("height")
    page = render_to_string("breakers/chart.html", {"chart": chart})
    assert not re.search(r"<(b|i|script|u)>|\sstyle=", page)
    assert "As a table" in page


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.3, 0.3), (1, 1), (1.1, 1.2), (7, 8), (480, 500), (1001, 1200)])
def test_scales_end_with_round_figures(value, top):
    assert charts.nice(value) == pytest.approx(top)

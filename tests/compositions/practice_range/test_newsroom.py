"""What the services answer, and how the monolith's answers differ."""

from __future__ import annotations

from .equipment import PracticeRange


def test_the_old_search_reads_titles_and_the_new_one_whole_texts(practice: PracticeRange) -> None:
    old = practice.service("monolith", "GET", "/search?q=sea").json
    new = practice.service("search", "GET", "/search?q=sea").json
    assert (old["served_by"], new["served_by"]) == ("monolith", "search")
    assert 0 < old["total"] < new["total"]


def test_premium_text_is_only_in_the_content_service(practice: PracticeRange) -> None:
    assert practice.service("articles", "GET", "/articles/prime-gaps").json["text"] is None
    assert "246" in practice.service("content", "GET", "/content/prime-gaps").json["text"]


def test_each_service_does_its_part(practice: PracticeRange) -> None:
    assert practice.service("articles", "GET", "/articles?section=space").json["served_by"] == "articles"
    assert practice.service("newsletter", "POST", "/subscriptions", '{"email": "a@example.org"}').status == 201
    assert practice.service("newsletter", "POST", "/subscriptions", "{}").status == 400
    assert practice.service("loyalty", "GET", "/points/reader-07").json["points"] >= 0
    assert practice.service("fraud", "POST", "/checks", '{"customer": "fraud@example.org"}').json["verdict"] == "refuse"


def test_the_monolith_serves_an_old_version_of_every_public_page(practice: PracticeRange) -> None:
    for path in ("/", "/about", "/archive", "/articles", "/articles/rogue-wave", "/search?q=ice"):
        reply = practice.service("monolith", "GET", path)
        assert (reply.status, reply.json["served_by"]) == (200, "monolith")


def test_unknown_paths_and_methods_are_told_apart(practice: PracticeRange) -> None:
    assert practice.service("articles", "GET", "/nowhere").status == 404
    wrong = practice.service("articles", "POST", "/articles")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET")

"""People with roles before the pages, targets that answer nobody, and a composition that asks two of them."""

import json

import pytest

from breakers.operations import targets
from compositions.operations import compositions
from controlplane.kernel.access import Principal
from tests.compositions.workflows import task

SETUP = Principal.system("test")


def definition(**extra):
    """Needs articles, can do without loyalty."""
    without = {"Thanks": {"Type": "Pass", "End": True}}
    bonus = task("loyalty", Catch=[{"ErrorEquals": ["States.ALL"], "Output": None, "Next": "Thanks"}])
    branches = [
        {"StartAt": "Get article", "States": {"Get article": task("articles")}},
        {"StartAt": "Get bonus", "States": {"Get bonus": bonus, **without}},
    ]
    gather = {"Type": "Parallel", "Branches": branches, "End": True}
    return {"QueryLanguage": "JSONata", "StartAt": "Gather", "States": {"Gather": gather}, **extra}


def text(**extra):
    return json.dumps(definition(**extra), indent=2)


@pytest.fixture
def page(db, valkey):
    """The composition `article-page`."""
    for slug in ("articles", "loyalty"):
        targets.put(slug, {"title": slug.capitalize(), "base_url": "http://127.0.0.1:9"}, by=SETUP)
    return compositions.put("article-page", {"title": "Article page", "definition": text()}, by=SETUP)[0]

"""The pages in words say what is there: links lead somewhere, verbs, settings and metrics exist and are told of."""

import re
from itertools import chain
from pathlib import Path

import pytest

from controlplane.kernel import metrics

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    chain(ROOT.glob("*.md"), ROOT.glob("docs/**/*.md"), ROOT.glob("clients/*/*.md")), key=lambda page: page.as_posix()
)
CODE = re.compile(r"```.*?```", re.DOTALL)
UNTOLD = {"AWS_DEFAULT_REGION"}  # AWS's own, named beside AWS_REGION


def prose(page: Path) -> str:
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_pages_and_headings_that_are_there(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, heading = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        assert not heading or there.suffix != ".md" or heading in anchors(there), link


def test_every_make_verb_that_is_named_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {verb for page in PAGES for verb in re.findall(r"`make ([a-z]+)", page.read_text(encoding="utf-8"))}
    assert named <= verbs
    assert {"up", "test", "demo"} <= named | set(re.findall(r"^make ([a-z]+)", (ROOT / "README.md").read_text(), re.M))


def test_every_setting_is_told_of_and_no_other() -> None:
    read = (ROOT / "controlplane" / "settings.py").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))
    assert set(re.findall(r'(?:_flag|_number|_words|_url|env\.str)\(\s*"([A-Z_]+)"', read)) - UNTOLD <= told
    modules = chain((ROOT / "controlplane").rglob("*.py"), (ROOT / "compositions" / "practice_range").rglob("*.py"))
    sources = "".join(module.read_text(encoding="utf-8") for module in modules)
    assert [name for name in sorted(told) if f'"{name}"' not in sources] == []


def test_every_metric_is_told_of_and_no_other() -> None:
    declared = {one.name for one in vars(metrics).values() if isinstance(one, metrics.Declared)}
    table = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    told = set(re.findall(r"switchgear_[a-z_]+", table)) | {
        "switchgear_target_throttled"
    }  # told as `…_throttled_total`
    assert {name.removesuffix("_total") for name in told} == declared


def test_every_decision_is_listed_once_under_its_number() -> None:
    pages = sorted(page.name for page in (ROOT / "docs" / "adr").glob("0*.md"))
    listed = re.findall(r"^\| \[(\d+)\]\(([^)]+)\)", (ROOT / "docs" / "adr" / "README.md").read_text(), re.MULTILINE)
    assert [name for _, name in listed] == pages
    assert [int(number) for number, _ in listed] == list(range(1, len(pages) + 1))

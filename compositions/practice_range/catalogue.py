"""The stories of the science-news site, shared by its new services and by the monolith that they grow out of."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Story:
    """One article; `premium` stories show their summary to everybody and their text to subscribers."""

    id: str
    title: str
    section: str
    minutes: int
    summary: str
    text: str
    premium: bool = False

    def teaser(self) -> dict[str, Any]:
        document = asdict(self)
        del document["text"]
        return document


def _read_stories() -> tuple[Story, ...]:
    path = Path(__file__).with_name("stories.json")
    return tuple(Story(**entry) for entry in json.loads(path.read_text(encoding="utf-8")))


STORIES = _read_stories()
BY_ID = {story.id: story for story in STORIES}


def find(words: str, *, in_text: bool) -> list[Story]:
    """Stories with a word that begins with each of `words`, best first: the title counts more than the text."""
    wanted = _words(words)
    scored = []
    for story in STORIES:
        title = _words(story.title)
        rest = _words(f"{story.section} {story.summary} {story.text}") if in_text else []
        hits = [(_starts(title, word), _starts(rest, word)) for word in wanted]
        if hits and all(in_title or in_rest for in_title, in_rest in hits):
            score = sum(3 * in_title + in_rest for in_title, in_rest in hits)
            scored.append((-score, story.title, story))
    return [story for _, _, story in sorted(scored, key=lambda entry: entry[:2])]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _starts(words: list[str], beginning: str) -> int:
    return sum(word.startswith(beginning) for word in words)

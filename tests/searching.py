"""How property tests draw their examples: the same ones in every run, or new ones and more of them on demand.

`SEARCH=20 pytest ...` draws anew and tries 20 times as many. What it finds becomes a case of its own.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("SEARCH", "0"))


def examples(count: int) -> int:
    """How many examples a test tries that needs `count` of them each time."""
    return count * max(1, TIMES)


def load_profile() -> None:
    """Before any test is read: `settings(...)` takes what it is not given from the profile that is loaded then."""
    settings.register_profile("same", derandomize=True, database=None)
    settings.register_profile("search", database=None, print_blob=True, max_examples=examples(100))
    settings.load_profile("search" if TIMES else "same")

"""What a review finds: errors, which refuse a definition, and warnings, which are shown."""

from typing import Final

import msgspec

ERROR: Final = "error"
WARNING: Final = "warning"
SEVERITIES = (ERROR, WARNING)


class Finding(msgspec.Struct, frozen=True):
    """`path` is a place in the definition, as AWS writes it; the message says what is wrong and what to do.

    Line and column, from 1, where the definition came as text.
    """

    path: str
    code: str
    message: str
    severity: str = ERROR
    line: int | None = None
    column: int | None = None

"""The failure of a call on the wire, by its name."""


class WireFailure(Exception):
    """A call that gave no answer to pass on: `error` is a name in core.outcomes.ERRORS, `detail` is for people."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail

"""The failure of a call on the wire, by its name."""

NEVER_SENT = ("connect_error", "tls_error")


class WireFailure(Exception):
    """A call that gave no answer to pass on: `error` is a name in core.outcomes.ERRORS, `detail` is for people.

    `unsent`: no byte of the request can have reached the target.
    """

    def __init__(self, error: str, detail: str, *, unsent: bool = False) -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail
        self.unsent = unsent or error in NEVER_SENT

"""How a composition can fail to answer. Each error knows its HTTP status, by what happened to the run.

    RunError (Problem)
    ├── RunFailed         502   a Fail state, or an error that nothing caught
    ├── RunRefused        503   a call was not made, or an answer was too old to be given; asking again may help
    ├── RunTimedOut       504   a call or the run itself took longer than it may
    └── NotRunnable       503   there is no such composition here, or none that a request can wait for

The document names the composition and the run's `error`; `cause` are the words of a Fail state, never those of a
downstream, and `targets` those whose calls failed, each with its error.
"""

from controlplane.kernel.errors import Problem


class RunError(Problem):
    """A composition's run gave no answer."""

    kind = "composition-error"
    title = "Composition gave no answer"


class RunFailed(RunError):
    """The composition failed: a Fail state was reached, or an error that no Catch takes. `error` names it."""

    status = 502
    kind = "composition-failed"
    title = "Composition failed"


class RunRefused(RunError):
    """A target may not be called now, and nothing good enough stood in for it. Ask again when Retry-After says."""

    status = 503
    kind = "composition-refused"
    title = "Composition cannot answer now"


class RunTimedOut(RunError):
    """The composition, or a call that it needs, took longer than it may."""

    status = 504
    kind = "composition-timed-out"
    title = "Composition timed out"


class NotRunnable(RunError):
    """The route leads to a composition that does not exist here, cannot be compiled, or does not answer requests."""

    status = 503
    kind = "composition-not-runnable"
    title = "Composition cannot be run"

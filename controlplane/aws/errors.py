"""What can go wrong between here and AWS.

Problem
└── AwsProblem            502
    ├── AwsNotConfigured  501   no region is set: this installation does not speak to AWS
    ├── AwsRefused        502   AWS answered with an error; `code` is its name
    └── AwsAway           503   no answer, or no credentials to ask with
"""

from __future__ import annotations

from controlplane.kernel.errors import Problem


class AwsProblem(Problem):
    """Something on the way to AWS failed. `code` names it; `final` says that trying again changes nothing."""

    status = 502
    kind = "aws"
    title = "AWS failed"
    code = "AwsProblem"
    final = False


class AwsNotConfigured(AwsProblem):
    """This installation does not speak to AWS. Set AWS_REGION, and give its processes credentials."""

    status = 501
    kind = "aws-not-configured"
    title = "AWS is not configured"
    code = "AwsNotConfigured"
    final = True

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or "AWS is not configured. Set AWS_REGION and give the processes credentials.")


class AwsRefused(AwsProblem):
    """AWS understood the request and refused it. `aws_code` names the reason, as in AWS's documentation."""

    kind = "aws-refused"
    title = "AWS refused"

    def __init__(self, detail: str, code: str, *, final: bool = True) -> None:
        super().__init__(detail, aws_code=code)
        self.code = code
        self.final = final


class AwsAway(AwsProblem):
    """AWS could not be reached in time, or the processes have no credentials. Trying again may help."""

    status = 503
    kind = "aws-away"
    title = "AWS is out of reach"

    def __init__(self, detail: str, code: str = "AwsAway") -> None:
        super().__init__(detail, aws_code=code)
        self.code = code

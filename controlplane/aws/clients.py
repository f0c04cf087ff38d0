"""The only room that knows boto3: sessions by account and region, clients, one call, and errors in our own words.

Sessions are not thread-safe and clients are, so both are made under a lock, once in a process, and after a fork anew.
"""

from __future__ import annotations

import os
import re
import threading
from functools import cache, partial
from typing import Any, Literal, NamedTuple

from django.conf import settings

from controlplane.aws.errors import AwsAway, AwsNotConfigured, AwsProblem, AwsRefused
from controlplane.aws.plans import Call, Json

CONNECT_S = 2
Patience = Literal["brief", "once", "long", "longest"]
# How long an answer is waited for, and how often a call is sent at most. Long polls hold the answer back for 20 s; a
# function may take 15 min, and must not be called again because its answer was late.
PATIENCE: dict[Patience, tuple[int, int]] = {"brief": (10, 2), "once": (10, 1), "long": (70, 1), "longest": (910, 1)}

# What AWS means to answer otherwise a little later.
PASSING = re.compile(r"Throttl|TooManyRequests|RequestLimit|Unavailable|InternalServer|InternalFailure|InternalError")

_lock = threading.Lock()
_clients: dict[tuple[Any, ...], Any] = {}


class Answer(NamedTuple):
    """What AWS answered, streams read to their end, and what is known of the request."""

    body: Json
    metadata: Json


def send(call: Call, *, patience: Patience = "brief") -> Json:
    """What AWS answers to one call. Raises AwsProblem."""
    return ask(call, patience=patience).body


def ask(call: Call, *, patience: Patience = "brief") -> Answer:
    """The same, with what is known of the request."""
    boto = _boto()
    try:
        client = _client(call.service, call.account, call.region, patience)
        answer: Json = getattr(client, call.operation)(**call.parameters)
        metadata = answer.pop("ResponseMetadata", {})
        return Answer({name: _read(value) for name, value in answer.items()}, metadata)
    except boto.ClientError as error:
        raise _refused(call, error.response) from error
    except (boto.NoCredentialsError, boto.PartialCredentialsError) as error:
        raise AwsAway("No AWS credentials were found; give them to the processes.", type(error).__name__) from error
    except boto.ParamValidationError as error:
        raise AwsRefused(_plainly(error), "ParamValidationError") from error
    except boto.BotoCoreError as error:
        raise AwsAway(f"{call.service}: {_plainly(error)}", type(error).__name__) from error


def _read(value: Any) -> Any:
    return value.read().decode(errors="replace") if hasattr(value, "read") else value


def role_of(account: str) -> str:
    """The role by which `account` is entered, of those in AWS_ROLES; empty for the default account."""
    if not account:
        return ""
    for role in settings.AWS_ROLES:
        if role.split(":")[4] == account:
            return str(role)
    raise AwsNotConfigured(f"No role for account {account} is named in AWS_ROLES.")


def _client(service: str, account: str, region: str, patience: Patience) -> Any:
    if not settings.AWS_CONFIGURED:
        raise AwsNotConfigured
    region = region or settings.AWS_REGION
    role = role_of(account)
    key = (os.getpid(), settings.AWS_ENDPOINT_URL, role, region, service, patience)
    client = _clients.get(key)
    if client is None:
        with _lock:
            if key not in _clients:
                session = _session(os.getpid(), settings.AWS_ENDPOINT_URL, role, region)
                _clients[key] = session.client(service, **_options(patience))
            client = _clients[key]
    return client


@cache
def _session(pid: int, endpoint: str, role: str, region: str) -> Any:
    """One session; of another account with credentials that renew themselves. Called under the lock."""
    import boto3
    import botocore.credentials
    import botocore.session

    plain = boto3.Session(region_name=region)
    if not role:
        return plain
    source = botocore.session.get_session()
    external = {"ExternalId": settings.AWS_EXTERNAL_ID} if settings.AWS_EXTERNAL_ID else {}
    fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
        partial(source.create_client, region_name=region, **_options("brief")),
        source.get_credentials(),
        role,
        extra_args={"RoleSessionName": "switchgear", **external},
    )
    entered = botocore.session.get_session()
    entered._credentials = botocore.credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return boto3.Session(botocore_session=entered, region_name=region)


def _options(patience: Patience) -> dict[str, Any]:
    from botocore.config import Config

    endpoint = settings.AWS_ENDPOINT_URL
    read_s, attempts = PATIENCE[patience]
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=read_s,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=50,
        # A host name of its own for each operation exists at AWS alone.
        inject_host_prefix=not endpoint,
        user_agent_extra="switchgear",
    )
    return {"config": config, **({"endpoint_url": endpoint} if endpoint else {})}


def _refused(call: Call, response: Json) -> AwsProblem:
    error = response.get("Error", {})
    # Services that once spoke the query protocol tell the error's present name beside the old one.
    code, message = str(error.get("QueryErrorCode") or error.get("Code", "Unknown")), str(error.get("Message", ""))
    final = not PASSING.search(code) and response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) < 500
    return AwsRefused(f"{call.service}.{call.operation}: {code}: {message}", code, final=final)


def _plainly(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


@cache
def _boto() -> Any:
    """botocore's exceptions; imported when AWS is first spoken to, since it costs a process a quarter of a second."""
    import botocore.exceptions

    return botocore.exceptions

"""The front door's entry: `granian --interface asgi compositions.frontdoor.app:app`.

ASGI rather than RSGI, although RSGI is faster: RSGI hands over the path already decoded, where `%2F` can no longer be
told from a slash, and drops header fields that hold bytes above ASCII. A gateway passes both on.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
django.setup()

from django.conf import settings  # noqa: E402

from breakers.dataplane import DataPlane  # noqa: E402
from compositions.runs.noting import Noting  # noqa: E402

from .door import FrontDoor  # noqa: E402

app = FrontDoor(
    lambda: DataPlane("frontdoor"),
    max_body=settings.MAX_BODY_BYTES,
    origins=settings.CORS_ALLOWED_ORIGINS,
    trust_peer=settings.BEHIND_TLS_PROXY,
    banner=settings.BASE_DIR / "static" / "delay-banner.js",
    open_beside=lambda plane, flow: Noting(plane.valkey, settings.KEY_PREFIX, flow),
)

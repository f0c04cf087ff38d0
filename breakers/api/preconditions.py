"""If-Match for what is changed by its own addresses rather than as a whole noun."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework.request import Request

from controlplane.config.commit import current_revision, locked
from controlplane.config.nouns import etag, tags
from controlplane.kernel.errors import PreconditionFailed


@contextmanager
def held(request: Request, kind: str, slug: str, find: Callable[[str], Any]) -> Iterator[None]:
    """The configuration's lock from the check of If-Match to the commit. Raises NotFound or PreconditionFailed."""
    with locked():
        find(slug)
        present = etag(current_revision(kind, slug))
        wanted = request.headers.get("If-Match")
        if wanted is not None and wanted.strip() != "*" and present not in tags(wanted):
            raise PreconditionFailed("If-Match names another revision than the present one.", etag=present)
        yield

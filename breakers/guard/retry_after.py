"""Retry-After as RFC 9110 section 10.2.3 writes it: seconds, or an HTTP date."""

from email.utils import parsedate_to_datetime

from .messages import Headers


def retry_after_ms(headers: Headers, now_ms: float) -> int:
    """Milliseconds from `now_ms` that the provider asks us to stay away; 0 when it does not ask, or not clearly."""
    text = next((value.strip() for name, value in headers if name == "retry-after"), "")
    if text.isdecimal():
        return int(text[:9]) * 1000
    try:
        return max(0, int(parsedate_to_datetime(text).timestamp() * 1000 - now_ms))
    except (ValueError, TypeError, OverflowError):
        return 0

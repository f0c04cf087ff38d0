"""Who says so: signatures of SNS messages, HMAC signatures and keys of posts. Pure; time is a parameter.

SNS signs with RSA over chosen fields (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html);
its certificate is believed only from the SNS host of the topic's own region.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

TOPIC = re.compile(r"arn:aws(?P<part>|-cn|-us-gov):sns:(?P<region>[a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]{1,256}")
PEM_PATH = re.compile(r"/SimpleNotificationService-[0-9a-f]{8,64}\.pem")
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
SCHEME = "v1"


class Unproved(Exception):
    """Whoever sent this did not prove who they are; the message says how."""


def host_of(topic: str) -> str:
    """The SNS host of a topic's region, the only one that its certificate and its confirmation may come from."""
    found = TOPIC.fullmatch(topic)
    if found is None:
        raise Unproved(f"{topic!r} is no topic")
    return f"sns.{found['region']}.amazonaws.com{'.cn' if found['part'] == '-cn' else ''}"


def certificate_url(message: Mapping[str, Any], topic: str) -> str:
    """Where the certificate of a message may be fetched. Raises Unproved for any other place."""
    url = str(message.get("SigningCertURL", ""))
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.netloc != host_of(topic) or not PEM_PATH.fullmatch(parts.path) or parts.query:
        raise Unproved(f"SigningCertURL is not a certificate of {host_of(topic)}")
    return url


def verify_sns(message: Mapping[str, Any], topic: str, pem: str, now: datetime) -> None:
    """Raises Unproved unless the message is of this topic and signed with this certificate, valid now."""
    if message.get("TopicArn") != topic:
        raise Unproved("the message is of another topic")
    names = SIGNED.get(str(message.get("Type")))
    digest = {"1": SHA1, "2": SHA256}.get(str(message.get("SignatureVersion")))
    if names is None or digest is None:
        raise Unproved("Type or SignatureVersion is unknown")
    certificate = _certificate(pem, now)
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise Unproved("the certificate has no RSA key")
    lines = [f"{name}\n{message[name]}\n" for name in names if message.get(name) is not None]
    try:
        signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, "".join(lines).encode(), PKCS1v15(), digest())
    except (InvalidSignature, ValueError):
        raise Unproved("the signature does not fit") from None


def _certificate(pem: str, now: datetime) -> Certificate:
    try:
        certificate = load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Unproved("the certificate cannot be read") from None
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Unproved("the certificate is not valid now")
    return certificate


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`v1=<hex>`, of HMAC-SHA-256 over `v1:<timestamp>:<body>`; what a sender puts into X-Switchgear-Signature."""
    signed = f"{SCHEME}:{timestamp}:".encode() + body
    return f"{SCHEME}={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def verify_hmac(
    secrets: Iterable[str], timestamp: str, given: str, body: bytes, *, now_s: float, window_s: float
) -> None:
    """Raises Unproved unless one of the secrets made the signature, within the window around now."""
    if not timestamp.isdecimal() or len(timestamp) > 12:
        raise Unproved("X-Switchgear-Timestamp must hold the seconds since 1970")
    if abs(now_s - int(timestamp)) > window_s:
        raise Unproved(f"X-Switchgear-Timestamp is further than {window_s:g} s from now")
    if not any(hmac.compare_digest(signature(key, timestamp, body).encode(), given.encode()) for key in secrets):
        raise Unproved("X-Switchgear-Signature does not fit")


def verify_key(secrets: Iterable[str], given: str) -> None:
    if not any(hmac.compare_digest(secret.encode(), given.encode()) for secret in secrets):
        raise Unproved("X-Api-Key does not fit")

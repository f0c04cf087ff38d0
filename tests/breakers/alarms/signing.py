"""Signs as SNS does, with a certificate of the test's own, and as senders with a shared secret do."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from breakers.alarms.signatures import SIGNED, signature

TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
CERTIFICATE_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"


class Signer:
    """A key and its certificate, valid for a day around now."""

    def __init__(self, *, days: int = 1) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.test")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        made = (
            made.serial_number(7).not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=days))
        )
        self.pem = made.sign(self.key, SHA256()).public_bytes(Encoding.PEM).decode()

    def sign(self, message: dict, version: str = "2") -> dict:
        signed = {**message, "SignatureVersion": version}
        text = "".join(f"{name}\n{signed[name]}\n" for name in SIGNED[message["Type"]] if name in signed)
        digest = SHA1() if version == "1" else SHA256()
        signed["Signature"] = base64.b64encode(self.key.sign(text.encode(), PKCS1v15(), digest)).decode()
        return signed

    def alarm(self, state: str = "ALARM", name: str = "checkout-failed", version: str = "2", **more) -> dict:
        """A notification of CloudWatch's, signed."""
        at = more.pop("at", datetime.now(UTC))
        told = {
            "AlarmName": name,
            "NewStateValue": state,
            "NewStateReason": "Threshold Crossed",
            "OldStateValue": "OK",
            "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        }
        message = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": TOPIC,
            "Subject": f"{state}: {name}",
            "Message": json.dumps(told),
            "Timestamp": at.isoformat().replace("+00:00", "Z"),
            "SigningCertURL": CERTIFICATE_URL,
            **more,
        }
        return self.sign(message, version)


def signed_post(secret: str, document: dict, at: float) -> tuple[bytes, dict[str, str]]:
    body, timestamp = json.dumps(document).encode(), str(int(at))
    fields = {"X-Switchgear-Timestamp": timestamp, "X-Switchgear-Signature": signature(secret, timestamp, body)}
    return body, fields

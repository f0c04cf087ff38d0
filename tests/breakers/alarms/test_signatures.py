"""Who says so: what is believed and what is not. No clock, no socket."""

from datetime import UTC, datetime, timedelta

import pytest

from breakers.alarms.signatures import Unproved, certificate_url, signature, verify_hmac, verify_key, verify_sns
from tests.breakers.alarms.signing import CERTIFICATE_URL, TOPIC, Signer

NOW = datetime.now(UTC)
SIGNER = Signer()


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_message_that_the_certificate_signed_is_believed(version):
    verify_sns(SIGNER.alarm(version=version), TOPIC, SIGNER.pem, NOW)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Message": "{}"}, "does not fit"),
        ({"Subject": "another"}, "does not fit"),
        ({"Signature": "FAKE"}, "does not fit"),
        ({"Signature": "!"}, "does not fit"),
        ({"SignatureVersion": "3"}, "unknown"),
        ({"Type": "Other"}, "unknown"),
        ({"TopicArn": TOPIC + "2"}, "another topic"),
    ],
)
def test_a_message_that_was_changed_is_not_believed(changes, says):
    with pytest.raises(Unproved, match=says):
        verify_sns(SIGNER.alarm() | changes, TOPIC, SIGNER.pem, NOW)


def test_a_certificate_of_somebody_else_or_of_the_past_is_not_believed():
    with pytest.raises(Unproved, match="does not fit"):
        verify_sns(SIGNER.alarm(), TOPIC, Signer().pem, NOW)
    with pytest.raises(Unproved, match="not valid now"):
        verify_sns(SIGNER.alarm(), TOPIC, SIGNER.pem, NOW + timedelta(days=3))
    with pytest.raises(Unproved, match="cannot be read"):
        verify_sns(SIGNER.alarm(), TOPIC, "certificate", NOW)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com:444/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.us-east-1.amazonaws.com/other.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x=1",
        "",
    ],
)
def test_a_certificate_from_anywhere_but_the_topics_sns_is_not_fetched(url):
    with pytest.raises(Unproved, match=r"sns\.us-east-1\.amazonaws\.com"):
        certificate_url({"SigningCertURL": url}, TOPIC)


def test_the_certificate_of_the_topics_sns_is_fetched():
    assert certificate_url({"SigningCertURL": CERTIFICATE_URL}, TOPIC) == CERTIFICATE_URL
    china = TOPIC.replace("aws:sns:us-east-1", "aws-cn:sns:cn-north-1")
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem"
    assert certificate_url({"SigningCertURL": url}, china) == url


def test_a_post_is_believed_under_the_present_secret_and_the_one_before_within_the_window():
    given = signature("old", "1000", b"{}")
    verify_hmac(["new", "old"], "1000", given, b"{}", now_s=1299, window_s=300)
    for secrets, timestamp, signed, body, now_s in [
        (["new"], "1000", given, b"{}", 1000),
        (["old"], "1001", given, b"{}", 1000),
        (["old"], "1000", given, b"{ }", 1000),
        (["old"], "1000", given, b"{}", 1301),
        (["old"], "1000", given, b"{}", 699),
        (["old"], "soon", given, b"{}", 1000),
        (["old"], "1000", "", b"{}", 1000),
        (["old"], "1000", "v1=ü", b"{}", 1000),
    ]:
        with pytest.raises(Unproved):
            verify_hmac(secrets, timestamp, signed, body, now_s=now_s, window_s=300)


def test_a_key_fits_or_it_does_not():
    verify_key(["one", "two"], "two")
    for given in ("", "three", "ü"):
        with pytest.raises(Unproved):
            verify_key(["one", "two"], given)

"""Which addresses may be registered is a matter of settings; a metadata service is out of reach by default."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from breakers.models.addresses import base_url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9001", "https://api.example.com/v1/", "http://[::1]:80", "http://wiki"]
)
def test_ordinary_addresses_are_accepted(url: str) -> None:
    base_url(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "http://10.0.0.1", "http://[fd12::1]", "http://0x7f.1"])
def test_private_addresses_are_refused_where_a_setting_says_so(url: str, settings: Any) -> None:
    base_url(url)
    settings.ALLOW_PRIVATE_ADDRESSES = False
    with pytest.raises(ValidationError):
        base_url(url)


@pytest.mark.parametrize("url", ["http://169.254.169.254", "http://metadata.google.internal", "http://[fd00:ec2::254]"])
def test_metadata_services_are_within_reach_only_by_a_setting(url: str, settings: Any) -> None:
    with pytest.raises(ValidationError):
        base_url(url)
    settings.ALLOW_LINK_LOCAL = True
    base_url(url)


@pytest.mark.parametrize(
    "url", ["http://a b", "http://a\\b", "http://a:0", "http://a:99999", "http://[::1", "//a", "http://a\n"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        base_url(url)

"""Dotted paths: resolved exactly, refused clearly, checked at start."""

from typing import Any

import pytest
from django.core.checks import run_checks

from controlplane.checks import compilers_are_functions, ports_differ, seams_lead_somewhere
from controlplane.kernel import clock, seams


def test_a_path_names_a_module_or_what_is_in_it() -> None:
    assert seams.resolve("controlplane.kernel.clock") is clock
    assert seams.resolve("controlplane.kernel.clock.now") is clock.now


@pytest.mark.parametrize(
    "path", ["controlplane.kernel.clock.later", "controlplane.nowhere.pieces", "nowhere", "no.where.x"]
)
def test_a_path_that_leads_nowhere_is_an_import_error_that_names_it(path: str) -> None:
    with pytest.raises(ImportError, match=path.split(".")[0]):
        seams.resolve(path)


def test_each_seam_is_checked_with_an_id_and_a_hint(settings: Any) -> None:
    settings.CONFIG_COMPILERS = ["controlplane.nowhere.pieces"]
    settings.DASHBOARD_PANELS = ["controlplane.nowhere.Panel"]
    found = {message.id: message for message in seams_lead_somewhere()}
    assert {"switchgear.E001", "switchgear.E006"} <= found.keys()
    assert "CONFIG_COMPILERS" in found["switchgear.E001"].hint


def test_a_source_that_cannot_be_called_is_an_error(settings: Any) -> None:
    settings.PROBE_SOURCES = ["controlplane.kernel.clock"]
    assert [message.id for message in compilers_are_functions()] == ["switchgear.E011"]


def test_operators_and_customers_have_different_ports(settings: Any) -> None:
    settings.CONTROL_PORT = settings.FRONTDOOR_PORT = 9000
    assert [message.id for message in ports_differ()] == ["switchgear.E012"]


def test_the_project_as_it_is_has_nothing_to_complain_about() -> None:
    assert run_checks() == []

"""The delay flag's mirror: files that are whole at any moment, parameters that are read back from ministack."""

import json

import pytest

from breakers.core.states import State
from breakers.delays import mirror
from controlplane.aws import clients, reconciling
from controlplane.aws.models import AwsCall
from controlplane.aws.plans import Call, NotKnown
from tests.breakers.actions.publisher import PLANES
from tests.breakers.runner import Runner


@pytest.fixture
def runner(valkey, settings, tmp_path):
    """A runner that knows the journey `subscribing`, which needs `payment`."""
    settings.LAST_GOOD = tmp_path / "last-good.json"
    running = Runner()
    running.plane.delays._min_on_ms = 0
    running.run(running.fleet.target("payment", "http://127.0.0.1:9001"))
    running.run(running.fleet.put("journey", "subscribing", {"slug": "subscribing", "targets": ["payment"]}))
    yield running
    running.close()


def test_a_file_follows_the_flag_up_and_down_and_is_written_when_it_moves(runner, tmp_path):
    folder = tmp_path / "mirror"

    def told():
        return json.loads((folder / "subscribing.json").read_text())

    assert mirror.write_files(runner.plane, folder) == ["subscribing"]
    assert (told()["journey"], told()["delayed"]) == ("subscribing", False)
    assert mirror.write_files(runner.plane, folder) == []
    runner.turn(State.OPEN)
    assert mirror.write_files(runner.plane, folder) == ["subscribing"]
    assert told()["delayed"]
    assert told()["since"].endswith("Z")
    runner.turn(State.HALF_OPEN)
    assert mirror.write_files(runner.plane, folder) == []
    runner.turn(State.CLOSED)
    mirror.write_files(runner.plane, folder)
    assert not told()["delayed"]
    assert [path.name for path in folder.iterdir()] == ["subscribing.json"]


def test_the_file_of_a_journey_that_is_gone_goes_as_well(runner, tmp_path):
    folder = tmp_path / "mirror"
    mirror.write_files(runner.plane, folder)
    runner.run(runner.fleet.put("journey", "subscribing", None))
    assert mirror.write_files(runner.plane, folder) == ["subscribing"]
    assert not list(folder.iterdir())


def test_while_the_store_is_away_nothing_is_guessed(runner, tmp_path):
    runner.plane.store_ok = False
    with pytest.raises(NotKnown):
        mirror.write_files(runner.plane, tmp_path)


@pytest.mark.django_db
def test_a_parameter_follows_the_flag_and_what_somebody_wrote_over_it_is_put_right(runner, aws, settings):
    PLANES[:] = [runner.plane]
    settings.AWS_PUBLISHERS = ["tests.breakers.actions.publisher.mirrored"]
    look = Call("ssm", "get_parameter", {"Name": "/switchgear/delay/subscribing"})

    def told():
        reconciling.retry_now("delay:subscribing")
        reconciling.reconcile()
        return json.loads(clients.send(look)["Parameter"]["Value"])

    assert told()["delayed"] is False
    runner.turn(State.OPEN)
    assert told()["delayed"] is True
    runner.turn(State.HALF_OPEN)
    assert told()["delayed"] is True
    runner.turn(State.CLOSED)
    assert told()["delayed"] is False
    assert AwsCall.objects.count() == 3
    clients.send(Call("ssm", "put_parameter", {**look.parameters, "Value": "mine", "Overwrite": True}))
    assert told()["delayed"] is False


def test_without_aws_no_parameter_is_wanted(settings):
    settings.AWS_CONFIGURED = False
    assert mirror.wants() == []

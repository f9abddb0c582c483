"""TURN: media through a real coturn; who has no right gets nowhere, and nobody gets past the SFU."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.meet.conftest import Firm, firm_of
from tests.meet.host import Server, until
from tests.meet.test_calls_in_browsers import InCall
from tests.ports import free_port
from verbund.meet.addresses import primary_address
from verbund.meet.coturn import EVERYWHERE, Relaying, config
from verbund.meet.turn import Turn, credential

pytestmark = pytest.mark.programs


@pytest.fixture
def relayed(tmp_path: Path, page_folder: Path) -> Iterator[Firm]:
    with firm_of(Server(tmp_path / "data", page_folder, turn="on", turn_port=str(free_port()))) as firm:
        yield firm


@pytest.mark.browser
def test_media_goes_through_turn(relayed: Firm, chromium: Browser) -> None:
    anna, ben = InCall(relayed, chromium, relayed.anna), InCall(relayed, chromium, relayed.ben)
    until("Janus is there", relayed.server.janus)
    for person in (anna, ben):
        person.run("onlyRelayed")
        person.run("join")
    anna.arrives(ben, "camera")
    ben.arrives(anna, "camera")
    [server] = anna.page.evaluate("meet.joined.ice_servers")
    assert "error 403" in relay_says(server, server["credential"], "203.0.113.9")
    assert "Cannot complete Allocation" in relay_says(server, "wrong", str(primary_address()))
    anna.leave()
    ben.leave()


def relay_says(server: dict[str, Any], password: str, peer: str) -> str:
    """What coturn's own client prints for somebody who wants to reach this peer."""
    host, port = server["urls"][0].removeprefix("turn:").partition("?")[0].rsplit(":", 1)
    who = ["-u", server["username"], "-w", password, "-e", peer, "-r", "9999", "-p", port]
    command = ["turnutils_uclient", "-n", "1", "-m", "1", "-c", *who, host]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_configuration_denies_everybody_but_the_sfu() -> None:
    lines = config(Relaying("turnserver", "10.0.0.5", "203.0.113.5", 3478), "secret").splitlines()
    assert {line for line in lines if "denied-peer" in line} == {f"denied-peer-ip={one}" for one in EVERYWHERE}
    allowed = {line for line in lines if "allowed-peer" in line}
    assert allowed == {"allowed-peer-ip=10.0.0.5", "allowed-peer-ip=203.0.113.5"}
    assert "external-ip=203.0.113.5/10.0.0.5" in lines
    assert "use-auth-secret" in lines


def test_credentials_name_their_end() -> None:
    turn = Turn(3478)
    assert turn.servers("anna", time.time()) == []
    turn.host, turn.secret = "192.0.2.1", "secret"
    [server] = turn.servers("anna", 1_000_000.0)
    assert server["username"] == "1021600:anna"
    assert server["credential"] == credential("secret", "1021600:anna")

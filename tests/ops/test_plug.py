"""Pulling the plug at a real provider with a real partner: people go on there, nothing is lost, the page is genuine."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.flows.server import Server
from tests.flows.test_partners import eventually
from tests.ports import free_port
from verbund.ops.plug.report import NotGenuine, checked
from verbund.ops.plug.stop import NotRunning, server_of

SECONDS = "5"
#: Stops a process for long and is killed itself before that is over.
COMMAND = """
import os, signal, sys
from verbund.ops.plug.stop import stopped
with stopped(int(sys.argv[1]), 0.1):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def agreed(one: Server, other: Server) -> None:
    code = one.command("partner", "invite").splitlines()[0]
    other.command("partner", "join", code)
    other.command("partner", "agree", "Werkhof", "--by", "Bea Süd", "--yes")
    one.command("partner", "agree", "Südnetz", "--by", "Anton Werk", "--yes")


def test_the_plug_is_pulled_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    port = free_port()
    werkhof = Server(tmp_path / "werkhof", name="Werkhof")
    suednetz = Server(tmp_path / "suednetz", port, name="Südnetz", url=f"http://127.0.0.1:{port}")
    try:
        werkhof.start()
        suednetz.start()
        refused = werkhof.tries("drill", "--yes")
        assert "keinen vereinbarten Partner" in refused.stderr
        agreed(werkhof, suednetz)
        assert werkhof.tries("drill").returncode == 1, "nobody said yes"
        for number in range(2):
            file = tmp_path / f"bericht-{number}.html"
            said = werkhof.command("drill", "--yes", "--seconds", SECONDS, "--report", str(file))
            assert "Nichts ging verloren." in said
        assert "Nachrichten währenddessen" in file.read_text()
        assert "Echt" in werkhof.command("drill", "--check", str(file))
        file.write_text(file.read_text().replace("keine", "17"))
        with pytest.raises(NotGenuine):
            checked(file)
        assert state_of(werkhof.pid) != "T"
    finally:
        werkhof.stop()
        suednetz.stop()


def test_a_server_goes_on_when_the_command_dies() -> None:
    with subprocess.Popen(["sleep", "60"]) as frozen:
        try:
            subprocess.run([sys.executable, "-c", COMMAND, str(frozen.pid)], check=False, timeout=60)
            eventually(lambda: state_of(frozen.pid) != "T")
        finally:
            frozen.kill()


def test_a_folder_in_which_nothing_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        server_of(tmp_path)
    (tmp_path / "lock").write_text(str(os.getpid()))
    with pytest.raises(NotRunning):
        server_of(tmp_path)


def test_a_report_without_its_signature_is_not_genuine(tmp_path: Path) -> None:
    file = tmp_path / "bericht.html"
    file.write_text("<p>Alles gut.</p>")
    for content in (None, b"", b"{}", msgspec.json.encode({"identity": None, "sha256": "", "signature": ""})):
        if content is not None:
            (tmp_path / "bericht.html.sig").write_bytes(content)
        with pytest.raises(NotGenuine):
            checked(file)

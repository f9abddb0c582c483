"""The sandbox: what a decoder that was taken over could reach."""

import asyncio
import json
from pathlib import Path

import pytest

from verbund.blobs import sandbox

PROBE = """
import json, os, socket, sys
found = {"uid": os.getuid(), "environment": sorted(os.environ), "input": sys.stdin.read()}
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2).close()
    found["network"] = True
except OSError:
    found["network"] = False
found["secret"] = os.path.exists(sys.argv[2])
try:
    open("/usr/verbund-was-here", "w").close()
    found["writes"] = True
except OSError:
    found["writes"] = False
found["processes"] = len([name for name in os.listdir("/proc") if name.isdigit()]) if os.path.isdir("/proc") else 0
print(json.dumps(found))
"""


async def run_probe(tmp_path: Path, script: str, *arguments: str, timeout_s: float = 20) -> tuple[int, str]:
    program, source, result = tmp_path / "probe.py", tmp_path / "source", tmp_path / "result"
    program.write_text(script)
    source.write_text("the picture")
    with source.open("rb") as given, result.open("wb") as taken:
        code = await sandbox.run_python(program, list(arguments), given, taken, timeout_s)
    return code, result.read_text()


async def test_no_network_no_files_no_rights(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:

    if not sandbox.confined():
        pytest.skip("bubblewrap does not work on this machine; only limits hold here")
    monkeypatch.setenv("VERBUND_SECRET", "not for decoders")
    secret = tmp_path / "verbund.db"
    secret.write_text("everything")
    listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", unused_tcp_port)
    async with listener:
        code, told = await run_probe(tmp_path, PROBE, str(unused_tcp_port), str(secret))
    found = json.loads(told)
    assert code == 0
    assert found["input"] == "the picture"
    assert not found["network"]
    assert not found["secret"]
    assert not found["writes"]
    assert found["processes"] == 0
    assert "VERBUND_SECRET" not in found["environment"]


async def test_endless_program_is_ended(tmp_path: Path) -> None:
    code, _ = await run_probe(tmp_path, "while True: pass", timeout_s=0.5)
    assert code == sandbox.TIMED_OUT


async def test_without_bubblewrap_the_program_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "confined", lambda: False)
    assert await run_probe(tmp_path, "import sys; print(sys.stdin.read(), end='')") == (0, "the picture")

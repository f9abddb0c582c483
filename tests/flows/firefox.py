"""Firefox ESR as Debian ships it, driven over Marionette: JSON in frames "length:json" on a socket of this machine."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ports import free_port

FIREFOX = shutil.which("firefox-esr")
START_TIMEOUT_S = 90.0
WAIT_S = 60.0
POLL_S = 0.1
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_REQUEST, _ANSWER = 0, 1
_REDRAWN = (
    "stale element reference", "no such element", "element not interactable", "element click intercepted",
)  # fmt: skip
_PREFERENCES = {
    "intl.accept_languages": "de-DE", "intl.locale.requested": "de", "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False, "app.update.disabledForTesting": True,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
}  # fmt: skip


class Firefox:
    """One window with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        port, self._number = free_port(), 0
        preferences = {**_PREFERENCES, "marionette.port": port}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items()]
        (folder / "user.js").write_text("".join(lines))
        assert FIREFOX is not None
        command = [FIREFOX, "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
        environment = {**os.environ, "HOME": str(folder)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._socket = self._connect(port)
        self._stream = self._socket.makefile("rb")
        self._read()
        self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {}})
        self.command("WebDriver:SetTimeouts", script=int(WAIT_S * 1000))

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), WAIT_S)
            except OSError:
                assert self._process.poll() is None, "Firefox ended"
                assert time.monotonic() < deadline, "Firefox did not start"
                time.sleep(POLL_S)

    def _read(self) -> Any:
        length = bytearray()
        while (one := self._stream.read(1)) != b":":
            assert one.isdigit(), "Marionette went away"
            length += one
        return json.loads(self._stream.read(int(length)))

    def command(self, name: str, **parameters: Any) -> Any:
        error, result = self._answer(name, parameters)
        assert error is None, (name, error)
        return result

    def _answer(self, name: str, parameters: dict[str, Any]) -> tuple[Any, Any]:
        self._number += 1
        raw = json.dumps([_REQUEST, self._number, name, parameters]).encode()
        self._socket.sendall(f"{len(raw)}:".encode() + raw)
        sort, number, error, result = self._read()
        assert (sort, number) == (_ANSWER, self._number)
        return error, result

    def _touch(self, name: str, find: Callable[[], str], **parameters: Any) -> None:
        """Act on what is found, and find it anew where the page drew it anew in between."""
        deadline = time.monotonic() + WAIT_S
        while True:
            error, _ = self._answer(name, {"id": find(), **parameters})
            if error is None:
                return
            assert error["error"] in _REDRAWN, (name, error)
            assert time.monotonic() < deadline, (name, error)
            time.sleep(POLL_S)

    def go(self, address: str) -> None:
        self.command("WebDriver:Navigate", url=address)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function body returns, run in the page beside its content policy."""
        return self.command("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]

    def until(self, script: str, *arguments: Any) -> Any:
        """What the function body returns once it is true."""
        deadline = time.monotonic() + WAIT_S
        while not (found := self.run(script, *arguments)):
            assert time.monotonic() < deadline, (script, arguments, self.run("return document.body.innerText"))
            time.sleep(POLL_S)
        return found

    def sees(self, text: str) -> None:
        self.until("return document.body.innerText.includes(arguments[0])", text)

    def field(self, label: str) -> str:
        """The field with this label, as an element to type into."""
        script = "return [...document.querySelectorAll('input, textarea')].filter((one) => one.checkVisibility())"
        script += ".find((one) => one.ariaLabel === arguments[0] || [...(one.labels ?? [])]"
        script += ".some((label) => label.textContent.trim() === arguments[0])) ?? null"
        return str(self.until(script, label)[_ELEMENT])

    def button(self, name: str) -> str:
        script = "return [...document.querySelectorAll('button')].filter((one) => one.checkVisibility() && "
        script += "!one.disabled).findLast((one) => one.ariaLabel === arguments[0] || "
        script += "one.textContent.trim() === arguments[0]) ?? null"
        return str(self.until(script, name)[_ELEMENT])

    def click(self, name: str) -> None:
        self._touch("WebDriver:ElementClick", lambda: self.button(name))

    def type(self, label: str, text: str) -> None:
        self._touch("WebDriver:ElementSendKeys", lambda: self.field(label), text=text)

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

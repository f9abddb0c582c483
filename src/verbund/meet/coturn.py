"""coturn: relays media for browsers that UDP does not reach. It may speak to the SFU and to nobody else.

Kept by the supervisor beside Janus, so that relayed media too outlives the web process.
"""

import asyncio
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from verbund.meet.janus import process

REALM = "verbund"
PERSON_ALLOCATIONS_MAX = 12
NONCE_S = 600
RELAY_PORTS = (47000, 47999)
AGAIN_AFTER_S = 1.0
CONFIG = "turn.conf"
#: Every peer, IPv4 and IPv6; what the SFU listens on is allowed again by name.
EVERYWHERE = ("0.0.0.0-255.255.255.255", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")


class Relaying(NamedTuple):
    """`address`: where the SFU and coturn listen; `public_address`: what the world calls it, or empty."""

    program: str
    address: str
    public_address: str
    port: int


class Relay:
    """One coturn, over and over while it is wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: Relaying | None = None
        self._task: asyncio.Task[None] | None = None
        self.secret = ""

    async def want(self, wanted: Relaying | None) -> None:
        """Run it like this from now on; None: not at all."""
        if wanted == self._wanted:
            return
        await self.stop()
        self._wanted = wanted
        if wanted is not None:
            self.secret = secrets.token_urlsafe(24)
            self._task = asyncio.create_task(self._keep(wanted), name="coturn")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._task, self._wanted, self.secret = None, None, ""

    async def _keep(self, wanted: Relaying) -> None:
        await asyncio.to_thread(_write, self._folder / CONFIG, config(wanted, self.secret))
        while True:
            coturn = await asyncio.create_subprocess_exec(
                "prlimit", "--core=0", "setpriv", "--pdeathsig", "KILL", "--no-new-privs",
                wanted.program, "-c", CONFIG, cwd=self._folder, env=process.ENVIRONMENT, start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await coturn.wait()
            finally:
                await process.stop(coturn, at_once=True)
            await asyncio.sleep(AGAIN_AFTER_S)


def config(wanted: Relaying, secret: str) -> str:
    """coturn's configuration; the secret stands in a file that only this user reads, never on a command line."""
    lines = [
        "use-auth-secret", f"static-auth-secret={secret}", f"realm={REALM}",
        f"listening-ip={wanted.address}", f"relay-ip={wanted.address}", f"listening-port={wanted.port}",
        f"min-port={RELAY_PORTS[0]}", f"max-port={RELAY_PORTS[1]}", "fingerprint", f"stale-nonce={NONCE_S}",
        f"user-quota={PERSON_ALLOCATIONS_MAX}", "no-cli", "no-tls", "no-dtls", "no-multicast-peers",
        "no-software-attribute", "log-file=stdout", "simple-log", "pidfile=turn.pid", "userdb=turn.db",
    ]  # fmt: skip
    lines += [f"denied-peer-ip={everywhere}" for everywhere in EVERYWHERE]
    lines.append(f"allowed-peer-ip={wanted.address}")
    if wanted.public_address:
        lines += [f"external-ip={wanted.public_address}/{wanted.address}", f"allowed-peer-ip={wanted.public_address}"]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)

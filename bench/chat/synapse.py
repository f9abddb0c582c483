"""Matrix Synapse under the same load: one room, long-polling /sync, PostgreSQL; in an environment of its own.

`python` is that of the environment that scripts/peers makes.
"""

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx

START_TIMEOUT_S = 120
SYNC_TIMEOUT_MS = 20_000
CONFIG = """
server_name: "localhost"
pid_file: "{folder}/synapse.pid"
listeners: [{{port: {port}, type: http, tls: false, bind_addresses: ["127.0.0.1"], resources: [{{names: [client]}}]}}]
database: {{name: psycopg2, args: {{user: verbund, dbname: synapse, host: "{socket}", cp_min: 5, cp_max: 10}}}}
log_config: "{folder}/log.yaml"
media_store_path: "{folder}/media"
signing_key_path: "{folder}/signing.key"
report_stats: false
enable_registration: true
enable_registration_without_verification: true
presence: {{enabled: false}}
bcrypt_rounds: 4
trusted_key_servers: []
suppress_key_server_warning: true
rc_message: {{per_second: 100000, burst_count: 100000}}
rc_registration: {{per_second: 100000, burst_count: 100000}}
rc_joins: {{local: {{per_second: 100000, burst_count: 100000}}, remote: {{per_second: 100000, burst_count: 100000}}}}
rc_joins_per_room: {{per_second: 100000, burst_count: 100000}}
rc_login: {{address: {{per_second: 100000, burst_count: 100000}}, account: {{per_second: 100000, burst_count: 100000}}}}
"""
LOG = """version: 1
handlers: {file: {class: logging.FileHandler, filename: %s/synapse.log}}
root: {level: WARNING, handlers: [file]}
"""


class Synapse:
    """A room with `members` at a Synapse of our own."""

    name = "synapse"

    def __init__(
        self, python: str, folder: Path, port: int, socket: str, members: int, text: Callable[[int, int], str]
    ) -> None:
        self.python, self.folder, self.port, self.socket = python, folder, port, socket
        self.members, self.text = members, text
        self.delivered: Callable[[str], None] = lambda _: None
        self._batch = 0
        self._syncs: list[asyncio.Task[None]] = []
        self._tokens: list[str] = []

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        config = self.folder / "homeserver.yaml"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, socket=self.socket))
        (self.folder / "log.yaml").write_text(LOG % self.folder)
        command = [self.python, "-m", "synapse.app.homeserver", "-c", str(config)]
        subprocess.run([*command, "--generate-keys"], check=True, capture_output=True, timeout=START_TIMEOUT_S)
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    async def open(self) -> None:
        limits = httpx.Limits(max_connections=self.members * 2, max_keepalive_connections=self.members * 2)
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}/_matrix/client/v3", timeout=60, limits=limits, trust_env=False
        )
        if not self._tokens:
            await self._answering()
            await self._join()
        ready = [asyncio.Event() for _ in range(self.members)]
        self._syncs = [asyncio.create_task(self._sync(number, ready[number])) for number in range(self.members)]
        await asyncio.gather(*(one.wait() for one in ready))

    async def close(self) -> None:
        for task in self._syncs:
            task.cancel()
        await asyncio.gather(*self._syncs, return_exceptions=True)
        await self.http.aclose()

    def next_batch(self) -> None:
        self._batch += 1

    def identifier(self, member: int, number: int) -> str:
        return f"b{self._batch}-{member}-{number}"

    async def send(self, member: int, number: int) -> str:
        identifier = self.identifier(member, number)
        content = {"msgtype": "m.text", "body": self.text(member, number), "bench": identifier}
        answer = await self.http.put(
            f"/rooms/{self.room}/send/m.room.message/{identifier}", json=content, headers=self._as(member)
        )
        answer.raise_for_status()
        return identifier

    def _as(self, member: int) -> dict[str, str]:
        return {"authorization": f"Bearer {self._tokens[member]}"}

    async def _answering(self) -> None:
        for _ in range(START_TIMEOUT_S * 2):
            try:
                await self.http.get("/login")
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.5)
        raise TimeoutError("Synapse did not start")

    async def _join(self) -> None:
        for number in range(self.members):
            body = {"auth": {"type": "m.login.dummy"}, "username": f"m{number}", "password": "geheim"}
            answer = await self.http.post("/register", json=body)
            answer.raise_for_status()
            self._tokens.append(answer.json()["access_token"])
        made = await self.http.post("/createRoom", json={"preset": "public_chat"}, headers=self._as(0))
        made.raise_for_status()
        self.room = made.json()["room_id"]
        for number in range(1, self.members):
            (await self.http.post(f"/join/{self.room}", json={}, headers=self._as(number))).raise_for_status()

    async def _sync(self, member: int, ready: asyncio.Event) -> None:
        since = ""
        where = json.dumps({"room": {"timeline": {"limit": 100}, "state": {"lazy_load_members": True}}})
        while True:
            parameters: dict[str, str | int] = {"timeout": SYNC_TIMEOUT_MS if since else 0, "filter": where}
            if since:
                parameters["since"] = since
            answer = await self.http.get("/sync", params=parameters, headers=self._as(member))
            answer.raise_for_status()
            synced = answer.json()
            if since:
                room = synced.get("rooms", {}).get("join", {}).get(self.room, {})
                for event in room.get("timeline", {}).get("events", []):
                    if event["type"] == "m.room.message":
                        self.delivered(event["content"]["bench"])
            since = synced["next_batch"]
            ready.set()

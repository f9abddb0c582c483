"""Prosody under the same load: a MUC room with its archive, over plain XMPP on loopback."""

import asyncio
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

HOST, ROOMS = "localhost", "rooms.localhost"
ROOM = f"mess@{ROOMS}"
START_TIMEOUT_S = 20
CONFIG = """
run_as_root = true
admins = {{ }}
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
modules_enabled = {{ "saslauth", "disco", "roster", "ping" }}
modules_disabled = {{ "s2s", "tls", "http", "limits" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
log = {{ warn = "{folder}/prosody.log" }}
VirtualHost "localhost"
Component "rooms.localhost" "muc"
  modules_enabled = {{ "muc_mam" }}
  muc_log_by_default = true
  muc_room_locking = false
  restrict_room_creation = false
"""


class Member:
    """One XMPP stream. Stanzas are parsed by expat as they come."""

    def __init__(self, number: int, room: "Prosody") -> None:
        self.number, self.room = number, room
        self._depth = 0
        self._stanza: tuple[str, dict[str, str]] | None = None
        self.seen: asyncio.Queue[str] = asyncio.Queue()
        self.joined = asyncio.Event()

    async def open(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self._fresh()
        self.task = asyncio.create_task(self._read())
        self._stream()
        await self._until("features")
        secret = b64encode(f"\0m{self.number}\0geheim".encode()).decode()
        self.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
        await self._until("success")
        self._fresh()
        self._stream()
        await self._until("features")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind>"
        self.write(f"<iq type='set' id='bind'>{bind}</iq>")
        await self._until("iq")
        history = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
        self.write(f"<presence to='{ROOM}/m{self.number}'>{history}</presence>")
        await asyncio.wait_for(self.joined.wait(), START_TIMEOUT_S)

    def write(self, text: str) -> None:
        self.writer.write(text.encode())

    async def close(self) -> None:
        self.writer.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def _stream(self) -> None:
        spaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
        self.write(f"<?xml version='1.0'?><stream:stream to='{HOST}' {spaces} version='1.0'>")

    def _fresh(self) -> None:
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    async def _until(self, name: str) -> None:
        while await asyncio.wait_for(self.seen.get(), START_TIMEOUT_S) != name:
            pass

    async def _read(self) -> None:
        while data := await self.reader.read(65536):
            self._parser.Parse(data, False)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth == 1:
            self._stanza = (name, attributes)
        self._depth += 1

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth != 1 or self._stanza is None:
            return
        name, attributes = self._stanza
        if name == "message" and attributes.get("type") == "groupchat" and "id" in attributes:
            self.room.arrived(self.number, attributes["id"])
        elif name == "presence" and attributes.get("from") == f"{ROOM}/m{self.number}":
            self.joined.set()
        elif name != "presence":
            self.seen.put_nowait(name.rsplit(":", 1)[-1])


class Prosody:
    """A room with `members` at a Prosody of our own."""

    name = "prosody"

    def __init__(self, folder: Path, port: int, members: int, text: Callable[[int, int], str]) -> None:
        self.folder, self.port, self.members, self.text = folder, port, members, text
        self.delivered: Callable[[str], None] = lambda _: None
        self._people: list[Member] = []
        self._echoes: dict[str, asyncio.Future[None]] = {}
        self._batch = 0

    def start(self) -> None:
        accounts = self.folder / "data" / "localhost" / "accounts"
        accounts.mkdir(parents=True)
        for number in range(self.members):
            (accounts / f"m{number}.dat").write_text('return { ["password"] = "geheim" };\n')
        config = self.folder / "prosody.cfg.lua"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port))
        self.process = subprocess.Popen(
            ["prosody", "--config", str(config), "-F"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def open(self) -> None:
        for number in range(self.members):
            member = Member(number, self)
            for _ in range(100):
                try:
                    await member.open(self.port)
                    break
                except OSError:
                    await asyncio.sleep(0.1)
            self._people.append(member)

    async def close(self) -> None:
        for member in self._people:
            await member.close()
        self._people.clear()

    def identifier(self, member: int, number: int) -> str:
        return f"b{self._batch}-{member}-{number}"

    def next_batch(self) -> None:
        self._batch += 1

    async def send(self, member: int, number: int) -> str:
        """Acknowledged by the room's echo to its sender, as MUC does it."""
        identifier = self.identifier(member, number)
        self._echoes[identifier] = future = asyncio.get_running_loop().create_future()
        body = f"<body>{self.text(member, number)}</body>"
        self._people[member].write(f"<message to='{ROOM}' type='groupchat' id='{identifier}'>{body}</message>")
        await future
        return identifier

    def arrived(self, member: int, identifier: str) -> None:
        self.delivered(identifier)
        if identifier.split("-")[1] == str(member):
            future = self._echoes.pop(identifier, None)
            if future is not None:
                future.set_result(None)

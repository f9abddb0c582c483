"""The floor: the least that a server of signed messages can do. Frozen: results are ratios to it.

Same socket server (uvicorn, websockets-sansio, uvloop), PyNaCl verify, one INSERT, SQLite in WAL with synchronous=FULL
and group commit, an acknowledgement. No rights, no chain, no fold, no search, no fan-out.

    python -m bench.chat.floor FOLDER PORT
"""

import asyncio
import json
import queue
import sqlite3
import sys
import threading
from base64 import urlsafe_b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import nacl.bindings
import uvicorn

BATCH_MAX = 256


class Floor:
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.sending: set[asyncio.Future[None]] = set()
        self.jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def write(self) -> None:
        connection = sqlite3.connect(Path(self.folder) / "floor.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS core (id BLOB PRIMARY KEY, raw BLOB, sig BLOB, body BLOB)")
        while True:
            batch = [self.jobs.get()]
            while len(batch) < BATCH_MAX:
                try:
                    batch.append(self.jobs.get_nowait())
                except queue.Empty:
                    break
            connection.execute("BEGIN IMMEDIATE")
            for raw, signature, body, key, _, _, _ in batch:
                nacl.bindings.crypto_sign_open(signature + b"verbund/core/1\0" + raw, key)
                digest = sha256(b"verbund/core/1\0" + raw).digest()
                connection.execute("INSERT INTO core VALUES (?, ?, ?, ?)", (digest, raw, signature, body))
            connection.execute("COMMIT")
            batch[0][6].call_soon_threadsafe(self.tell, batch)

    def tell(self, batch: list[Any]) -> None:
        for _, _, _, _, send, number, _ in batch:
            task = asyncio.ensure_future(send({"type": "websocket.send", "text": f'{{"f":"ack","n":{number}}}'}))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        key = urlsafe_b64decode(scope["query_string"].decode() + "=")
        loop = asyncio.get_running_loop()
        while (message := await receive())["type"] == "websocket.receive":
            frame = json.loads(message["text"])
            parcel = frame["p"][0]
            signature = urlsafe_b64decode(parcel["s"] + "==")
            self.jobs.put((parcel["c"].encode(), signature, parcel["b"].encode(), key, send, frame["n"], loop))


if __name__ == "__main__":
    floor = Floor(sys.argv[1])
    threading.Thread(target=floor.write, daemon=True).start()
    uvicorn.run(
        floor, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop", http="httptools", ws="websockets-sansio",
        ws_per_message_deflate=False, ws_ping_interval=None, log_level="warning", lifespan="off",
    )  # fmt: skip

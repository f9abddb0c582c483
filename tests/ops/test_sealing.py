"""The operator seals: the file becomes smaller, people notice nothing, and what they take back is gone from it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.erasure.test_two_providers import eventually, hits
from tests.flows.server import Firm, Server, texts
from tests.ops.test_backup import move
from verbund.base.settings import Settings
from verbund.log.bulk import unpack
from verbund.log.sealed import packed
from verbund.ops.place import check_segments

MESSAGES = 1_050
AT_ONCE = 50
WORD = "wallnussbohlenlager"


def test_sealed_store_is_smaller_and_serves_as_before(tmp_path: Path) -> None:
    server = Server(tmp_path / "werkhof", facts_per_s="5000").start()
    firm = Firm(server)
    secret = firm.anna.say(firm.workshop, WORD)
    for start in range(0, MESSAGES, AT_ONCE):
        said = (f"Die Treppe {start + n} ist fertig" for n in range(AT_ONCE))
        bodies = ({**_EMPTY, "text": text} for text in said)
        firm.anna.submit([firm.anna.parcel(firm.workshop, "chat.message_posted.1", body)[1] for body in bodies])
    before = texts(firm.anna, firm.workshop)
    server.stop()
    store = server.data / "verbund.db"
    size = store.stat().st_size
    assert server.command("seal", port=False).startswith("0 Segmente")
    assert server.command("seal", "--all", port=False).startswith("1 Segmente")
    assert store.stat().st_size < size * 3 / 4
    assert any(WORD in body for body in sealed(store))
    elsewhere = Server(tmp_path / "suednetz")
    server.command("backup", str(tmp_path / "backup"), port=False)
    elsewhere.command("restore", str(tmp_path / "backup"), port=False)
    assert sealed(elsewhere.data / "verbund.db") == sealed(store)
    settings = Settings(data=str(elsewhere.data))
    assert check_segments(settings).code == "segments.good"
    server.start()
    assert texts(firm.anna, firm.workshop) == before
    firm.anna.post(firm.workshop, "chat.message_withdrawn.1", {"message": secret}, re=[secret])
    eventually(lambda: hits(server.data, WORD.encode()) == [])
    server.stop()
    left = sealed(store)
    assert len(left) > MESSAGES / 2
    assert not any(WORD in body for body in left)
    assert "Einträge neu gefaltet" in server.command("rebuild", port=False)
    server.start()
    assert texts(firm.anna, firm.workshop) == before
    server.stop()
    move(firm.anna, elsewhere.start().address)
    assert texts(firm.anna, firm.workshop) == before, "the backup has what was there when it was made"
    elsewhere.stop()
    with closing(sqlite3.connect(elsewhere.data / "verbund.db")) as connection:
        connection.execute("UPDATE segment SET data = substr(data, 1, length(data) / 2)")
        connection.commit()
    assert check_segments(settings).code == "segments.damaged"
    firm.close()


_EMPTY = {"channel": None, "mentions": [], "files": [], "blobs": [], "reply_to": None}


def sealed(store: Path) -> list[str]:
    """The bodies that lie in segments."""
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute(
            "SELECT word.text, runs, data FROM segment JOIN word ON word.number = segment.space"
        ).fetchall()
    return [one.b for space, runs, data in rows for one in unpack(space, packed(runs, data)) if one.b is not None]

"""Write the store of this release, with a small firm in it, as SQL: `python -m tests.web.releases`."""

import sqlite3
import tempfile
from pathlib import Path

from tests.flows.server import Firm, Server
from verbund import __version__


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "werkhof").start()
        firm = Firm(server)
        said = firm.anna.say(firm.workshop, "Grüße aus der ersten Fassung 🪵")
        firm.ben.post(firm.workshop, "chat.reaction_set.1", {"message": said, "emoji": "👍", "on": True}, re=[said])
        firm.close()
        server.stop()
        with sqlite3.connect(server.data / "verbund.db") as connection:
            lines = [line for line in connection.iterdump() if "search_index" not in line and "sqlite_" not in line]
        connection.close()
    target = Path(__file__).parent / f"{__version__}.sql"
    target.write_text("\n".join(lines) + "\n", "utf-8")


main()

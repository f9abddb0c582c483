"""Two real providers: both confirm, and neither has a byte of it left; an older backup brings nothing back."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.pair import Pair, two_providers
from verbund.partners.homecoming import AWAY_S

WORD = "wallnussbohlenlager"
PICTURE = b"\x00kirschholzfurnier\x00" * 2_000
WAIT_S = 60
OK, UNAUTHORIZED, COMING_BACK = 200, 401, 503


def eventually(ask: Callable[[], Any], holds: Callable[[Any], bool] = bool) -> Any:
    end = time.monotonic() + WAIT_S
    while not holds(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


def hits(folder: Path, *words: bytes) -> list[str]:
    """Files below a folder that have one of these words in them."""
    found = []
    for one in [one for one in folder.rglob("*") if one.is_file()]:
        with suppress(FileNotFoundError):  # a running provider clears up as well
            content = one.read_bytes().lower()
            found += [one.name for word in words if word in content]
    return found


def writes(pair: Pair, count: int) -> None:
    """Ben says something, shows a file, and answers; both providers have it."""
    ben, anna = pair.firm.ben, pair.firm.anna
    for at in range(count):
        ben.say(pair.workshop, f"{WORD}{at} ist voll")
        anna.say(pair.workshop, f"antwort{at}")
    file = ben.upload(pair.workshop, PICTURE, "furnier.bin")
    ben.say(pair.workshop, WORD, files=[file], blobs=[file["hash"]])
    eventually(lambda: all(hits(one.data, b"kirschholzfurnier") for one in (pair.werkhof, pair.suednetz)))
    eventually(pair.equal)


def orders(pair: Pair) -> None:
    """Ben wants all gone that he wrote in the firm."""
    ben = pair.firm.ben
    ben.refresh()
    body = {"account": ben.account, "until": ben.hlc.tick(), "reason": ""}
    ben.post(ben.organisation, "authority.erasure_ordered.1", body)


def ledger(pair: Pair) -> list[dict[str, Any]]:
    """What each provider says of the order in the workshop."""
    found = pair.firm.anna.call("GET", f"/api/spaces/{pair.workshop}/erasures")
    return list(found[0]["providers"]) if found else []


def both_confirm(pair: Pair) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = eventually(
        lambda: ledger(pair), lambda found: len(found) == 2 and all(one["at"] for one in found)
    )
    return found


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with two_providers(tmp_path) as pair:
        yield pair


def test_both_confirm_and_neither_has_a_byte_left(pair: Pair, tmp_path: Path) -> None:
    writes(pair, 20)
    backup = tmp_path / "sicherung"
    pair.suednetz.command("backup", str(backup), port=False)
    orders(pair)
    said = both_confirm(pair)
    assert {one["name"] for one in said} == {"Werkhof", "Südnetz"}
    assert all((one["bodies"], one["files"]) == (21, 1) for one in said)
    for server in (pair.werkhof, pair.suednetz):
        assert hits(server.data, WORD.encode(), b"kirschholzfurnier") == []
        assert hits(server.data, b"antwort7")
    eventually(pair.equal)
    _comes_back_from(backup, pair, tmp_path / "zurueck")


def _comes_back_from(backup: Path, pair: Pair, fresh: Path) -> None:
    """Südnetz lost its disk and is restored from before the order: nobody is shown a word of it."""
    assert hits(backup, WORD.encode())
    suednetz = pair.suednetz
    suednetz.stop()
    suednetz.data = fresh
    suednetz.command("restore", str(backup), port=False)
    suednetz.start()
    answers = []

    def served() -> bool:
        answer = httpx.get(f"{suednetz.address}/api/spaces/open", trust_env=False)
        answers.append(answer.status_code)
        return answer.status_code == UNAUTHORIZED

    eventually(served)
    assert set(answers) <= {UNAUTHORIZED, COMING_BACK}
    with closing(sqlite3.connect(f"file:{fresh / 'verbund.db'}?mode=ro", uri=True)) as store:
        left = store.execute("SELECT count(*) FROM core WHERE instr(body, ?) > 0", (WORD,)).fetchone()
    assert left == (0,)
    eventually(lambda: hits(fresh, WORD.encode(), b"kirschholzfurnier") == [])
    eventually(pair.equal)


def test_without_a_partner_it_serves_after_a_while(pair: Pair) -> None:
    """Away for long, and nobody to ask: its people get at their data all the same."""
    eventually(pair.equal)
    for server in (pair.werkhof, pair.suednetz):
        server.stop()
    long_ago = time.time() - 2 * AWAY_S
    os.utime(pair.suednetz.data / "alive", (long_ago, long_ago))
    pair.suednetz.start()
    asked = f"{pair.suednetz.address}/api/spaces/open"
    assert httpx.get(asked, trust_env=False).status_code == COMING_BACK
    assert httpx.get(f"{pair.suednetz.address}/api/health", trust_env=False).status_code == OK
    eventually(lambda: httpx.get(asked, trust_env=False).status_code == UNAUTHORIZED)
    assert "no partner could say what was erased" in pair.suednetz.said()

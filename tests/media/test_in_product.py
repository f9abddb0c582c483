"""Films inside the whole product: a real server, real people, real ffmpeg."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.flows.server import PASSWORD, Server
from tests.media.films import browser_film, foreign_film, hold_encoding, repeated
from verbund.base.ids import personal_space
from verbund.ops.client import Declined, Person

WAIT_S = 300

pytestmark = pytest.mark.programs


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data").start()
    yield running
    running.stop()


@pytest.fixture
def anna(server: Server) -> Iterator[Person]:
    with closing(Person(server.address, "Anna")) as person:
        person.found(server.setup, "Tischlerei Lindner", "anna", PASSWORD)
        yield person


@pytest.fixture
def ben(server: Server, anna: Person) -> Iterator[Person]:
    with closing(Person(server.address, "Ben")) as person:
        person.join(anna.invite(anna.organisation), "ben", PASSWORD)
        yield person


def add(person: Person, space: str, path: Path, title: str = "Treppe", name: str = "") -> str:
    file = person.upload(space, path.read_bytes(), name or path.name)  # type: ignore[arg-type]
    source = {key: file[key] for key in ("hash", "name", "type", "size")}
    body = {"title": title, "description": "Vom Aufmaß bis zum Pfosten", "source": source, "blobs": [file["hash"]]}
    return person.post(space, "media.film_added.1", body)  # type: ignore[arg-type]


def film(person: Person, one: str) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", f"/api/films/{one}")
    return found


def until(person: Person, one: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while not done(found := film(person, one)):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def settled(found: dict[str, Any]) -> bool:
    return found["state"] in ("ready", "refused")


def test_film_is_prepared_and_stands_in_the_library(tmp_path: Path, anna: Person) -> None:
    space = anna.create("Werkstatt")
    one = add(anna, space, browser_film(tmp_path / "film.mp4"))
    found = until(anna, one, settled)
    assert found["state"] == "ready", found
    assert (found["width"], found["height"], found["percent"]) == (640, 360, 100)
    assert 9_900 <= found["duration_ms"] <= 10_100
    library = anna.call("GET", "/api/films")
    assert library["hero"]["id"] == one
    assert [(row["key"], [each["id"] for each in row["films"]]) for row in library["rows"]] == [("new", [one])]
    answer = anna.http.get(f"{found['media']}master.m3u8", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert 'PATHWAY-ID="home"' in answer.text
    assert "AVERAGE-BANDWIDTH=" in answer.text
    assert "content-encoding" not in answer.headers
    for name, media_type in (
        ("poster.jpg", "image/jpeg"),
        ("tiles-0.jpg", "image/jpeg"),
        ("tiles.vtt", "text/vtt; charset=utf-8"),
    ):
        picture = anna.http.get(found["media"] + name)
        assert (picture.status_code, picture.headers["content-type"]) == (200, media_type)
    led = anna.http.get(f"/media/{space}/{one}/master.m3u8")
    assert (led.status_code, led.headers["location"]) == (307, f"{found['media']}master.m3u8")


def test_segment_has_ranges_and_may_be_kept(tmp_path: Path, anna: Person) -> None:
    space = anna.create("Werkstatt")
    found = until(anna, add(anna, space, browser_film(tmp_path / "film.mp4")), settled)
    path = f"{found['media']}o360/00000.m4s"
    whole = anna.http.get(path, headers={"accept-encoding": "gzip"})
    assert whole.status_code == 200
    assert "immutable" in whole.headers["cache-control"]
    assert "content-encoding" not in whole.headers
    part = anna.http.get(path, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert anna.http.get(path, headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    assert anna.http.get(path, headers={"range": "bytes=99999999-"}).status_code == 416


def test_stranger_to_the_space_sees_nothing(tmp_path: Path, anna: Person, ben: Person) -> None:
    private, office = anna.create("Leitung", "private"), anna.create("Büro", "private")
    ben.enter(anna.invite(office))
    one = add(anna, private, browser_film(tmp_path / "film.mp4"))
    found = until(anna, one, settled)
    paths = [
        f"{found['media']}master.m3u8", f"{found['media']}o360/00000.m4s", f"{found['media']}poster.jpg",
        found["media"].replace(private, office) + "master.m3u8", f"/media/{private}/{one}/master.m3u8",
        f"/media/{office}/{one}/master.m3u8", f"/api/films/{one}", f"/api/spaces/{private}/films",
    ]  # fmt: skip
    for path in paths:
        assert ben.http.get(path).status_code == 404, path
    assert ben.call("GET", "/api/films") == {"hero": None, "rows": []}
    assert ben.call("GET", "/api/films/found?q=treppe") == {"films": []}
    for path in (
        f"{found['media']}../{one}/master.m3u8",
        f"{found['media']}..%2f..%2f..%2fverbund.db",
        f"{found['media']}x.py",
    ):
        assert anna.http.get(path).status_code == 404, path
    anna.http.cookies.clear()
    assert anna.http.get(paths[0]).status_code == 401


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("film.mp4", b"Das ist ein Text und kein Film.\n" * 500, "media.not_a_film"),
        ("liste.m3u8", b"#EXTM3U\n#EXTINF:4,\nfile:///etc/passwd\n", "media.not_a_film"),
        ("film.mp4", b"\0" * 4096, "media.not_a_film"),
    ],
)
def test_what_is_no_film_gets_a_reason(anna: Person, tmp_path: Path, name: str, raw: bytes, code: str) -> None:
    space = anna.create("Werkstatt")
    path = tmp_path / "upload"
    path.write_bytes(raw)
    found = until(anna, add(anna, space, path, name=name), settled)
    assert (found["state"], found["reason"]["code"]) == ("refused", code)
    assert found["reason"]["detail"].endswith(".")
    assert found["media"] == ""


def test_half_a_film_gets_a_reason_and_the_next_one_is_prepared(tmp_path: Path, anna: Person) -> None:
    space = anna.create("Werkstatt")
    whole = browser_film(tmp_path / "film.mp4")
    half = tmp_path / "halb.mp4"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    first, second = add(anna, space, half), add(anna, space, whole)
    assert until(anna, first, settled)["reason"]["code"] == "media.truncated"
    assert until(anna, second, settled)["state"] == "ready"


def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path, server: Server, anna: Person) -> None:
    space = anna.create("Werkstatt")
    piece = foreign_film(tmp_path / "piece.webm", 10, "320x180", rate="6")
    one = add(anna, space, repeated(tmp_path / "film.webm", piece, 4))
    # It dies while its programs stand still: they have to end all the same.
    hold_encoding(server.pid, server.data / "media" / one, 6)
    playable = until(anna, one, lambda found: found["state"] == "playable" and found["percent"] >= 20)
    server.kill()
    folder = server.data / "media" / one / playable["media"].rstrip("/").rpartition("/")[2]
    written = {path: path.stat().st_mtime_ns for path in sorted(folder.glob("v*/*.m4s"))}
    whole = min(len([path for path in written if path.parent == rung]) for rung in folder.glob("v*"))
    assert whole > 0
    assert programs_on(server.data) == []
    server.start()
    assert until(anna, one, settled)["state"] == "ready"
    for path, at in written.items():
        if int(path.stem) < whole:
            assert path.stat().st_mtime_ns == at, path


def programs_on(data: Path) -> list[str]:
    """Programs still at work on files of a server that died; they get a moment to notice."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = [path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline")]
        found = [line for line in lines if "ffmpeg" in line and str(data) in line]
        if not found:
            return []
        time.sleep(0.1)
    return found


def test_long_film_does_not_keep_others_from_beginning(tmp_path: Path, server: Server, anna: Person) -> None:
    space = anna.create("Werkstatt")
    piece = foreign_film(tmp_path / "piece.webm", 10, "320x180", rate="6")
    long = add(anna, space, repeated(tmp_path / "long.webm", piece, 4), "Lang")
    # It would never end by itself: only who ends what encodes it can begin with another one.
    hold_encoding(server.pid, server.data / "media" / long, 5)
    until(anna, long, lambda found: found["state"] == "playable")
    short = add(anna, space, foreign_film(tmp_path / "short.webm", 6, "320x180", rate="12"), "Kurz")
    until(anna, short, lambda found: found["state"] in ("playable", "ready"))
    assert film(anna, long)["state"] == "playable"
    assert until(anna, long, settled)["state"] == "ready"
    assert until(anna, short, settled)["state"] == "ready"


def test_position_is_known_in_another_browser_and_ends_with_the_film(
    tmp_path: Path, server: Server, anna: Person
) -> None:
    space = anna.create("Werkstatt")
    one = add(anna, space, browser_film(tmp_path / "film.mp4", 20))
    until(anna, one, settled)
    anna.refresh()

    def watch(position_ms: int) -> None:
        body = {"space": space, "film": one, "position_ms": position_ms, "duration_ms": 20_000}
        anna.post(personal_space(anna.account), "media.film_watched.1", body)

    watch(8_000)
    rows = {row["key"]: row["films"] for row in anna.call("GET", "/api/films")["rows"]}
    assert [(each["id"], each["position_ms"]) for each in rows["continue"]] == [(one, 8_000)]
    watch(19_900)
    rows = {row["key"]: row["films"] for row in anna.call("GET", "/api/films")["rows"]}
    assert "continue" not in rows


def test_changed_found_and_withdrawn(tmp_path: Path, server: Server, anna: Person, ben: Person) -> None:
    space = anna.create("Werkstatt")
    ben.join_team(space)
    one = add(anna, space, browser_film(tmp_path / "film.mp4"), "Öffnungen fräsen")
    found = until(anna, one, settled)
    assert [each["id"] for each in ben.call("GET", "/api/films/found?q=oeffnung")["films"]] == [one]
    body = {"film": one, "title": "Taschen fräsen", "description": "", "by": "author"}
    with pytest.raises(Declined, match=r"media\.foreign_film"):
        ben.post(space, "media.film_changed.1", body, re=[one])
    anna.refresh()
    anna.post(space, "media.film_changed.1", body, re=[one])
    assert ben.call("GET", "/api/films/found?q=oeffnung") == {"films": []}
    assert ben.call("GET", "/api/films/found?q=taschen")["films"][0]["title"] == "Taschen fräsen"
    anna.post(space, "media.film_withdrawn.1", {"film": one, "by": "author"}, re=[one])
    assert anna.http.get(f"{found['media']}master.m3u8").status_code == 404
    assert anna.call("GET", "/api/films") == {"hero": None, "rows": []}
    folder = server.data / "media" / one
    deadline = time.monotonic() + WAIT_S
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)

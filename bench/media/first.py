"""From the end of the upload to the first segment in the viewer's hands, at a real server."""

import re
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from bench.media.films import LONG_MINUTES, long_film
from tests.flows.server import PASSWORD, Server
from verbund.ops.client import Person

ROUNDS = 5
WAIT_S = 120
POLL_S = 0.05


def measure(folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """({first_playable_s}: the median of the slower kind of film, the raw samples)."""
    films = {"usual": long_film(folder, usual=True), "foreign": long_film(folder, usual=False)}
    server = Server(folder / "data").start()
    samples = []
    try:
        with closing(Person(server.address, "Anna Lindner")) as anna:
            anna.found(server.setup, "Tischlerei Lindner", "anna", PASSWORD)
            space = anna.create("Werkstatt")
            for number in range(ROUNDS):
                for name, film in films.items():
                    seconds = _once(anna, space, film, f"{name} {number}")
                    samples.append({"round": number, "film": name, "first_playable_s": round(seconds, 3)})
                    print(f"  {name:8} {seconds:6.2f} s", flush=True)
    finally:
        server.stop()
    medians = {name: median(one["first_playable_s"] for one in samples if one["film"] == name) for name in films}
    sizes = {name: film.stat().st_size for name, film in films.items()}
    run = {"name": "first_playable", "n": ROUNDS, "minutes": LONG_MINUTES, "bytes": sizes, "samples": samples}
    return {"first_playable_s": round(max(medians.values()), 3)}, run


def _once(anna: Person, space: str, film: Path, title: str) -> float:
    """Upload, then count from the moment the film is added until head and first segments are here; then withdraw it."""
    file = anna.upload(space, film.read_bytes(), film.name)  # type: ignore[arg-type]
    source = {key: file[key] for key in ("hash", "name", "type", "size")}
    anna.refresh()
    begin = time.monotonic()
    one = anna.post(space, "media.film_added.1", {"title": title, "source": source, "blobs": [file["hash"]]})  # type: ignore[arg-type]
    while not _playable(anna, one):
        if time.monotonic() - begin > WAIT_S:
            raise SystemExit(f"{title} was not playable after {WAIT_S} s")
        time.sleep(POLL_S)
    seconds = time.monotonic() - begin
    anna.post(space, "media.film_withdrawn.1", {"film": one, "by": "author"}, re=[one])  # type: ignore[arg-type]
    return seconds


def _playable(anna: Person, film: str) -> bool:
    """Whether a player could begin: every first playlist, its head and its first segment have been fetched."""
    found = anna.call("GET", f"/api/films/{film}")
    if found["state"] not in ("playable", "ready"):
        return False
    master = anna.http.get(found["media"] + "master.m3u8")
    if master.status_code != 200:
        return False
    picture = next(line for line in master.text.splitlines() if line and not line.startswith("#"))
    sound = re.search(r'TYPE=AUDIO.*URI="([^"]+)"', master.text)
    lists = [picture, *([sound[1]] if sound else [])]
    return all(_fetched(anna, found["media"], name) for name in lists)


def _fetched(anna: Person, folder: str, name: str) -> bool:
    track = folder + name.rpartition("/")[0]
    names = ("index.m3u8", "init.mp4", "00000.m4s")
    return all(anna.http.get(f"{track}/{one}").status_code == 200 for one in names)

"""`python -m bench.drill october`: the fourth of October 2021 at sixty times its speed, at one of two providers.

Six hours become six minutes: first the home's name vanishes, then every way to it; the ways come back before the name
does, the name slowly before it is well; and everybody comes back at once. A team works through it: Anna types, Ben
reads and watches a film, somebody signs in every second, a new colleague comes with yesterday's invitation, and a
message is withdrawn. Writes bench/results/drill-october.{html,json}.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.drill.faults import AFTER_S, EQUAL_S, READ_S, when_equal
from bench.drill.films import shown
from bench.drill.kills import APP, RESULTS, versions
from bench.drill.report import page, seconds
from bench.drill.rounds import WATCH, missing, said_at
from bench.drill.unattended import Play, Round, driven, failures
from bench.drill.watch import CADENCE_MS, FILM, Door, Messages, entered, longest, now_ms, told
from bench.town import ground
from bench.town.faults import dropping, lying
from bench.town.town import Town, town
from tests.flows.browser import Person, chromium
from tests.flows.pair import at_work
from tests.flows.server import PASSWORD
from tests.flows.test_partners import eventually
from verbund.ops import client

IN_TOWN = True
MINUTES, HERD = 6.0, 100
#: Shares of the whole: when it happens, after the real day (15:40 to 21:30 UTC).
NAME_GONE, LINKS_GONE, ACTS, LINKS_BACK, NAME_SLOW, WELL = 0.05, 0.08, 0.3, 0.75, 0.8, 0.85
GONE, NEW = "das muss wieder weg", "Lina ist neu hier"
HERD_S = 30.0
REPORT, DATA = "drill-october.html", "drill-october.json"


class Day(NamedTuple):
    """When it began and how long it takes, in seconds of the machine's clock."""

    began: float
    length_s: float

    def until(self, share: float) -> None:
        time.sleep(max(0.0, self.began + share * self.length_s - time.monotonic()))


def main() -> int:
    """0 when everything went on, nothing was lost, and all became equal."""
    parser = argparse.ArgumentParser(prog="bench.drill october")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--herd", type=int, default=HERD, help="so viele kommen auf einmal zurück")
    parser.add_argument("--without-film", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    if why := ground.missing():
        sys.stderr.write(f"{why}\n")
        return 2
    planned = [
        {"name": "4. Oktober", "minutes": asked.minutes, "herd": asked.herd, "film": not asked.without_film}
    ]  # fmt: skip
    patience_s = asked.minutes * 60 + READ_S + EQUAL_S + 2 * HERD_S + 120
    [run] = driven("bench.drill.october", planned, lambda _: None, round_s_max=patience_s)
    if failures([run]):
        sys.stdout.write(f"{run['failed']}\n")
        return 1
    write(run, asked)
    return int(bool(run["lost"]) or not run["equal_at"] or not all(run["acts"].values()))


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    def play(round_: Round) -> dict[str, Any]:
        return lived(folder, argparse.Namespace(**round_))

    yield play


def lived(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    with town(folder, 2, app=str(APP)) as built, chromium(*built.flags(), whole=True) as browser, ExitStack() as people:
        film = shown(built.pair, folder) if asked.film else ""
        team = {handle: at_work(browser, built.pair, handle) for handle in ("anna", "ben")}
        for person in team.values():
            people.callback(person.close)
            person.page.add_init_script(WATCH)
        watching = viewer(browser, built, film) if film else None
        if watching:
            people.callback(watching.close)
        return day(built, team, watching, asked)


def viewer(browser: Any, built: Town, film: str) -> Person:
    """Somebody who watches the film from its beginning."""
    person = at_work(browser, built.pair, "ben")
    person.go(f"/mediathek/{film}")
    person.page.locator("video").wait_for(state="attached")
    person.page.evaluate(FILM)
    return person


def day(built: Town, team: dict[str, Person], watching: Person | None, asked: argparse.Namespace) -> dict[str, Any]:
    yesterday = built.firm.anna.invite(built.firm.anna.organisation)
    said = built.firm.ben.say(built.firm.workshop, GONE)
    eventually(built.equal)
    door = Door(built.firm.anna, [house.address for house in built.houses]).start()
    messages = Messages(team["anna"].page, team["ben"].page)
    began, clock = now_ms(), Day(time.monotonic(), asked.minutes * 60)
    messages.begin(f"4. Oktober {began}")
    acts: dict[str, bool] = {}
    clock.until(NAME_GONE)
    from_ = now_ms()
    with lying("nxdomain")(built):
        clock.until(LINKS_GONE)
        with dropping("input", "output")(built):
            clock.until(ACTS)
            acts |= {name: tried(act) for name, act in away(built, yesterday, said).items()}
            clock.until(LINKS_BACK)
        clock.until(NAME_SLOW)
    with lying("slow")(built):
        clock.until(WELL)
    until = now_ms()
    herd = herd_of(built, asked.herd)
    clock.until(1.0)
    time.sleep(AFTER_S)
    messages.stop()
    beats, ended = door.stop(), now_ms()
    films = [int(at) for at in watching.page.evaluate("() => window.beats")] if watching else []
    equal_at, typed = when_equal(built), messages.read(READ_S)
    acts["Was zurückgezogen wurde, ist auch bei Werkhof weg"] = tried(lambda: GONE not in at_home(built))
    acts["Die Neue ist auch bei Werkhof zu sehen"] = tried(lambda: NEW in at_home(built))
    gone = missing(built.houses, built.firm.workshop, messages.texts())
    functions = {"messages": told(typed), "sign_in": summed("sign_in", beats, began, ended)}
    if watching:
        functions["film"] = summed("film", films, began, ended)
    return {
        "title": "4. Oktober 2021, sechzigfach", "began": began, "ended": ended, "fault": [from_, until],
        "equal_at": equal_at, "lost": gone, "typed": len(typed), "acts": acts, "herd": herd,
        "functions": functions, "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def away(built: Town, invitation: str, said: str) -> dict[str, Callable[[], object]]:
    """What people do at the partner while the home is gone."""
    other, firm = built.houses[1], built.firm

    def joined() -> None:
        lina = client.Person(other.address, "Lina Neu", secure=other.secure)
        lina.join(invitation, "lina", PASSWORD)
        lina.join_team(firm.workshop)
        lina.say(firm.workshop, NEW)
        lina.close()

    def withdrawn() -> None:
        ben = client.Person(other.address, "Ben Krause", firm.ben.key, secure=other.secure)
        ben.come_in(firm.ben.account)
        ben.post(firm.workshop, "chat.message_withdrawn.1", {"message": said, "by": "author"}, re=[said])
        ben.close()

    return {"Mit der Einladung von gestern hinein, beim Partner": joined, "Eine Nachricht zurückgezogen": withdrawn}


def tried(act: Callable[[], object]) -> bool:
    """Whether it went well; why not is printed."""
    try:
        return act() is not False
    except Exception as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        return False


def at_home(built: Town) -> list[str]:
    return said_at(built.home, built.firm.workshop)


def herd_of(built: Town, people: int) -> dict[str, float]:
    """So many sign in at home at once, by key: how many were let in, and when the last."""
    began, let_in = time.monotonic(), list[float]()

    def come() -> None:
        while time.monotonic() < began + HERD_S:
            if entered(built.firm.anna, built.home.address, HERD_S / 3) is not None:
                let_in.append(time.monotonic() - began)
                break

    crowd = [threading.Thread(target=come) for _ in range(people)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    return {"people": people, "let_in": len(let_in), "last_s": round(max(let_in, default=0.0), 2)}


def summed(name: str, beats: list[int], began: int, ended: int) -> dict[str, Any]:
    return {"beats": beats, "longest_ms": longest(beats, began, ended, CADENCE_MS[name])}


def write(run: dict[str, Any], asked: argparse.Namespace) -> None:
    herd = run["herd"]
    run["notes"] = [f"{name}: {'ja' if well else 'NEIN'}" for name, well in run["acts"].items()]
    about = (
        f"Sechs Stunden in {asked.minutes:g} Minuten: Erst verschwindet Werkhofs Name, dann jeder Weg dorthin; die "
        "Wege kommen vor dem Namen zurück, der Name erst langsam, und dann kommen alle auf einmal. Niemand klickt."
    )
    shown_ = {
        "Nachrichten": run["typed"], "verloren": run["lost"],
        "längste Unterbrechung beim Schreiben": seconds(run["functions"]["messages"]["longest_ms"]),
        f"{herd['people']} auf einmal zurück": f"{herd['let_in']} eingelassen, der letzte nach {herd['last_s']} s",
    }  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / REPORT).write_text(page("Der 4. Oktober 2021 noch einmal", about, [run], shown_), "utf-8")
    figures = {
        "messages_longest_ms": run["functions"]["messages"]["longest_ms"], "durable_lost": run["lost"],
        "acts_failed": sum(not well for well in run["acts"].values()), "herd_last_s": herd["last_s"],
    }  # fmt: skip
    whole = {"n": 1, "command": "python -m bench.drill october", "versions": versions(), "samples": [run]}
    text = json.dumps({"figures": figures, "runs": [whole]}, ensure_ascii=False)
    (asked.out / DATA).write_text(f"{text}\n", "utf-8")
    sys.stdout.write(f"{figures}\n{asked.out / REPORT}\n")


if __name__ == "__main__":
    sys.exit(main())

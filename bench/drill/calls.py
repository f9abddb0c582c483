"""`python -m bench.drill calls`: the provider of a call is killed with its SFU, again and again, under two people.

Anna's page is at Werkhof, Dora's at Südnetz, the call at one of them: that one dies (kill -9 of the web process, Janus
and its supervisor), the other takes the call, the dead one comes back, and the next death hits where the call is now.
Writes bench/results/drill-calls.json, anew after every death. The clock runs from the signal to the first packet of
sound, and the first decoded picture, of a connection that did not exist before; of two people the later one counts.
"""

import argparse
import functools
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.drill.kills import APP, RESULTS, of, quantile, table, versions
from bench.drill.rounds import NEVER_MS
from bench.drill.unattended import Play, Round, driven, failures
from tests.flows.browser import chromium
from tests.flows.server import Server
from tests.flows.test_partners import eventually
from tests.meet.host import janus_of, until
from tests.meet.test_calls_at_partners import House, InCall, kill_machine, two_with_calls

KILLS, SEED = 20, 1
WAIT_S = NEVER_MS / 1000
BARS = {
    "audio_back_ms_p95": 2000.0, "video_back_ms_p95": 3000.0, "dropped_people": 0.0, "clicks": 0.0,
    "rounds_failed": 0.0,
}  # fmt: skip
#: So long the call has been on when it happens, at random.
IN_CALL_S = (2.0, 10.0)
#: Notes when the first sound and the first picture of a connection arrived, and how often somebody did something.
BACK = """
window.back = [];
window.clicks = 0;
for (const what of ['click', 'keydown'])
    addEventListener(what, ({ isTrusted }) => { window.clicks += isTrusted; }, true);
window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...given) {
        super(...given);
        const made = Date.now();
        this.addEventListener('track', ({ receiver, track }) => {
            const look = async () => {
                if (this.connectionState === 'closed') return;
                for (const stat of (await receiver.getStats()).values()) {
                    if (stat.type !== 'inbound-rtp') continue;
                    if (track.kind === 'audio' ? stat.packetsReceived : stat.framesDecoded) {
                        window.back.push({ kind: track.kind, made, at: Date.now() });
                        return;
                    }
                }
                setTimeout(look, 20);
            };
            look();
        });
    }
};
"""


def main() -> int:
    """0 when every bar is met."""
    parser = argparse.ArgumentParser(prog="bench.drill calls")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--minutes", type=float, default=0, help="so lange höchstens; 0: bis alle Runden getan sind")
    asked = parser.parse_args()
    planned = [{"round": "call", "number": number, "seed": f"{asked.seed} {number}"} for number in range(asked.kills)]
    keep = functools.partial(write, len(planned), asked.seed)
    samples = driven("bench.drill.calls", planned, keep, minutes=asked.minutes)
    return table(sums(samples), BARS, RESULTS / "drill-calls.json")


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    """A call at Werkhof, with Anna there and Dora at Südnetz."""
    with two_with_calls(folder, app=str(APP)) as house, chromium(whole=True) as browser:
        pair = house.pair
        people = [
            InCall(browser, house, "anna", pair.werkhof, BACK), InCall(browser, house, "dora", pair.suednetz, BACK)
        ]  # fmt: skip
        for one in people:
            one.join(pair.workshop)
        places = [pair.werkhof, pair.suednetz]

        def play(round_: Round) -> dict[str, Any]:
            dying = places[0]
            for one in people:
                one.sees_and_hears()
            found = death(house, people, dying, random.Random(round_["seed"]))
            dying.start()
            eventually(pair.equal)
            until("its Janus is back", lambda: janus_of(dying.data / "meet"))
            places.reverse()
            return found

        yield play


def death(house: House, people: list[InCall], dying: Server, chance: random.Random) -> dict[str, Any]:
    """The machine of the call dies: ms until everybody hears, and sees; how many are not in the call any more."""
    in_call_s = chance.uniform(*IN_CALL_S)
    time.sleep(in_call_s)
    before = clicks(people)
    began = time.time_ns() // 1_000_000
    kill_machine(dying)
    back = {kind: max(first(one, kind, began) for one in people) - began for kind in ("audio", "video")}
    living = house.dora if dying is house.pair.werkhof else house.pair.firm.ben
    found = house.running(living) or {"people": []}
    here = {one["account"] for one in found["people"] if not one["away"]}
    return {
        "audio_ms": back["audio"], "video_ms": back["video"], "in_call_s": round(in_call_s, 1),
        "dropped": len({one.account for one in people} - here), "clicks": clicks(people) - before,
    }  # fmt: skip


def clicks(people: list[InCall]) -> int:
    return sum(one.page.evaluate("window.clicks") for one in people)


def first(one: InCall, kind: str, since_ms: int) -> int:
    """When the first of this kind came over a connection that was made after that; after NEVER_MS, that."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        for back in one.page.evaluate("window.back"):
            if back["kind"] == kind and back["made"] >= since_ms:
                return int(back["at"])
        time.sleep(0.05)
    return since_ms + NEVER_MS


def write(planned: int, seed: int, samples: list[dict[str, Any]]) -> None:
    run = {
        "n": len(samples), "planned": planned, "seed": seed, "command": "python -m bench.drill calls",
        "versions": versions(), "load": os.getloadavg()[0],
        "configuration": {
            "back": "signal → first sound, first picture over a new connection, the later of two people",
            "clicks": "clicks and keys in the pages between the signal and the picture",
            "failed": f"counts as {NEVER_MS} ms",
        },
        "samples": samples,
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill-calls.json").write_text(json.dumps({"figures": sums(samples), "runs": [run]}, indent=1) + "\n")


def sums(samples: list[dict[str, Any]]) -> dict[str, float]:
    return {
        "audio_back_ms_p50": quantile(of(samples, "audio_ms"), 0.5),
        "audio_back_ms_p95": quantile(of(samples, "audio_ms"), 0.95),
        "video_back_ms_p50": quantile(of(samples, "video_ms"), 0.5),
        "video_back_ms_p95": quantile(of(samples, "video_ms"), 0.95),
        "dropped_people": sum(one.get("dropped", 0) for one in samples),
        "clicks": sum(one.get("clicks", 0) for one in samples),
        "rounds_failed": failures(samples),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.drill.calls`: the provider of a call is killed with its SFU, again and again, under two people.

Anna's page is at Werkhof, Dora's at Südnetz, the call at one of them: that one dies (kill -9 of the web process, Janus
and its supervisor), the other takes the call, the dead one comes back, and the next death hits where the call is now.
Writes bench/results/drill-calls.json. The clock runs from the signal to the first packet of sound, and the first
decoded picture, of a connection that did not exist before; of two people the later one counts.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.drill.kills import APP, RESULTS, quantile, versions
from tests.flows.browser import chromium
from tests.flows.server import Server
from tests.flows.test_partners import eventually
from tests.meet.host import janus_of, until
from tests.meet.test_calls_at_partners import House, InCall, kill_machine, two_with_calls

KILLS, SEED = 10, 1
WAIT_S = 30.0
BARS = {"audio_back_ms_p95": 2000.0, "video_back_ms_p95": 3000.0, "dropped_people": 0.0}
#: So long the call has been on when it happens, at random.
IN_CALL_S = (2.0, 14.0)
#: Notes when the first sound and the first picture of a connection arrived.
BACK = """
window.back = [];
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
    parser = argparse.ArgumentParser(prog="bench.drill.calls")
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = rounds(Path(folder), asked.kills, random.Random(asked.seed))
    figures = {
        "audio_back_ms_p50": quantile([one["audio_ms"] for one in samples], 0.5),
        "audio_back_ms_p95": quantile([one["audio_ms"] for one in samples], 0.95),
        "video_back_ms_p50": quantile([one["video_ms"] for one in samples], 0.5),
        "video_back_ms_p95": quantile([one["video_ms"] for one in samples], 0.95),
        "dropped_people": sum(one["dropped"] for one in samples),
    }  # fmt: skip
    run = {
        "n": len(samples), "seed": asked.seed, "command": "python -m bench.drill.calls", "versions": versions(),
        "load": os.getloadavg()[0], "samples": samples,
        "configuration": {"back": "signal → first sound, first picture over a new connection, the later of two people"},
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "drill-calls.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    for name, value in figures.items():
        sys.stdout.write(f"{name:24} {value:>9.1f}" + (f"  ≤ {BARS[name]:.0f}\n" if name in BARS else "\n"))
    return int(any(figures[name] > bar for name, bar in BARS.items()))


def rounds(folder: Path, kills: int, chance: random.Random) -> list[dict[str, Any]]:
    with two_with_calls(folder, app=str(APP)) as house, chromium() as browser:
        pair = house.pair
        people = [
            InCall(browser, house, "anna", pair.werkhof, BACK), InCall(browser, house, "dora", pair.suednetz, BACK)
        ]  # fmt: skip
        for one in people:
            one.join(pair.workshop)
        for one in people:
            one.sees_and_hears()
        dying, other = pair.werkhof, pair.suednetz
        samples = []
        for _ in range(kills):
            samples.append(death(house, people, dying, chance))
            sys.stdout.write(f"{samples[-1]}\n")
            sys.stdout.flush()
            dying.start()
            eventually(pair.equal)
            until("its Janus is back", lambda server=dying: janus_of(server.data / "meet"))
            dying, other = other, dying
        for one in people:
            one.person.close()
    return samples


def death(house: House, people: list[InCall], dying: Server, chance: random.Random) -> dict[str, Any]:
    """The machine of the call dies: ms until everybody hears, and sees; how many are not in the call any more."""
    in_call_s = chance.uniform(*IN_CALL_S)
    time.sleep(in_call_s)
    began = time.time_ns() // 1_000_000
    kill_machine(dying)
    back = {kind: max(first(one, kind, began) for one in people) - began for kind in ("audio", "video")}
    living = house.dora if dying is house.pair.werkhof else house.pair.firm.ben
    found = house.running(living) or {"people": []}
    here = {one["account"] for one in found["people"] if not one["away"]}
    return {
        "audio_ms": back["audio"], "video_ms": back["video"], "in_call_s": round(in_call_s, 1),
        "dropped": len({one.account for one in people} - here), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def first(one: InCall, kind: str, since_ms: int) -> int:
    """When the first of this kind came over a connection that was made after that."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        for back in one.page.evaluate("window.back"):
            if back["kind"] == kind and back["made"] >= since_ms:
                return int(back["at"])
        time.sleep(0.05)
    raise AssertionError(f"{one.person.name}: no {kind}")


if __name__ == "__main__":
    sys.exit(main())

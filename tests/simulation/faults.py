"""What goes wrong. Swarm testing: each seed has a few kinds of fault, at steps of its own; `happened` counts them."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.device import Device
from tests.simulation.invariants import check_crash
from tests.simulation.network import covers
from tests.simulation.partner import Partner
from tests.simulation.rogue import COMMON, TRICKS

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

FAULTS_MIN, FAULTS_MAX = 3, 9
OF_ONE_MAX = 4
#: So many more of a kind that this schedule is to be full of.
FOCUSED = 6
#: So many schedules have a partner that does not keep to what was agreed.
ROGUE_SHARE = 0.65
#: So many have faults that came later than others: what the others bring is the same as before.
RARE_SHARE = 0.25
MISSIGNED_SHARE = 0.8
SLOW_MS_MAX = 5_000
#: What a rogue can play only where it has entries to say waits for them, from the first third of the steps on.
WAITING, EARLY = ("rogue_withholds", "rogue_garbles", "rogue_forks", "rogue_missigns"), 3
MINUTES_MS, DAY_MS = 5 * 60_000, 24 * 3600_000
ALONE_MAX = 200
#: What is lost, doubled or overtaken between devices and providers happens to many messages, at most to this share.
SHARES = {"loss": 0.3, "duplication": 0.3, "reordering": 0.9}


class Faults:
    """The faults of one schedule."""

    def __init__(self, schedule: "Schedule", chance: random.Random, focus: tuple[str, ...]) -> None:
        self.schedule, self.chance = schedule, chance
        self.happened: Counter[str] = Counter()
        kinds = [one for one in (*SHARES, *ONCE) if one not in TRICKS and one not in RARE]
        chosen = chance.sample(kinds, chance.randint(FAULTS_MIN, FAULTS_MAX))
        rare = random.Random(f"{schedule.seed} more")
        if chance.random() < ROGUE_SHARE:
            chosen += chance.sample(COMMON, chance.randint(1, len(COMMON)))
            chosen += ["rogue_missigns"] if rare.random() < MISSIGNED_SHARE else []
        chosen += rare.sample(RARE, rare.randint(1, len(RARE))) if rare.random() < RARE_SHARE else []
        chosen += [kind for kind in focus if kind not in chosen]
        self.shares = {kind: chance.random() * SHARES[kind] for kind in chosen if kind in SHARES}
        self.plan = sorted(
            (chance.randint(1, schedule.steps // EARLY if kind in WAITING else schedule.steps), kind)
            for kind in chosen
            if kind not in SHARES
            for _ in range(chance.randint(1, OF_ONE_MAX) + FOCUSED * (kind in focus))
        )
        while len(self.plan) < FAULTS_MIN:
            self.plan.append((chance.randint(1, schedule.steps), "line_cut"))
        self.plan.sort()

    def strikes(self, kind: str) -> bool:
        """Whether it happens to this message."""
        share = self.shares.get(kind)
        if share is None or self.schedule.healed or self.chance.random() >= share:
            return False
        self.happened[kind] += 1
        return True

    def due(self, step: int) -> None:
        """What is planned for this step. What cannot happen now is tried again until it can."""
        later = []
        while self.plan and self.plan[0][0] <= step:
            _, kind = self.plan.pop(0)
            if ONCE[kind](self):
                self.happened[kind] += 1
            else:
                later.append((step + 1, kind))
        self.plan = sorted([*later, *self.plan])
        rogue = self.schedule.rogue
        if rogue is not None:
            self.happened.update(rogue.played)
            rogue.played.clear()

    # What happens

    def _crash_before_commit(self) -> bool:
        """Power fails between write and fsync."""
        provider = self._busiest()
        provider.log.power_fails = True
        self._say(f"{provider.name} loses power before the commit of {len(provider.inbox)}")
        self.schedule.commit(provider)
        return self._start_again(provider)

    def _crash_after_commit(self) -> bool:
        """Power fails after the commit and before the answers."""
        provider = self._busiest()
        self._say(f"{provider.name} dies after the commit of {len(provider.inbox)}")
        provider.commit()
        return self._start_again(provider)

    def _crash(self) -> bool:
        """A process dies, with what it had read and queued and not written yet."""
        provider = self._one()
        self._say(f"{provider.name} dies")
        return self._start_again(provider)

    def _start_again(self, provider: Partner) -> bool:
        provider.stop()
        provider.start()
        check_crash(self.schedule, provider)
        self.schedule.hang_up(provider)
        return True

    def _disk_lost(self) -> bool:
        return self._restore(from_backup=False)

    def _disk_restored(self) -> bool:
        return self._restore(from_backup=True)

    def _restore(self, from_backup: bool) -> bool:
        """A disk is gone: an old backup takes its place, or nothing. The others must hold what was promised."""
        provider = self._one()
        others = [one for one in self.schedule.honest if one is not provider]
        if not covers(_together(others), self.schedule.claims):
            return False
        which = self.chance.randrange(len(provider.backups)) if from_backup and provider.backups else None
        self._say(f"{provider.name} loses its disk; " + ("nothing is left" if which is None else f"backup {which}"))
        provider.restore(which)
        self.schedule.hang_up(provider)
        if self.schedule.rogue is not None:
            self.schedule.rogue.forget(provider.provider)
        return True

    def _line_cut(self) -> bool:
        """A connection between providers breaks, at any frame."""
        alive = [line for line in self.schedule.lines.all if not line.is_over]
        if not alive:
            return False
        line = self.chance.choice(alive)
        self._say(f"line {'-'.join(line.ways)} breaks")
        line.cut(self.chance, self.schedule.time[0])
        return True

    def _partition(self) -> bool:
        """Two providers do not reach each other; the third reaches both."""
        one, two = self.chance.sample(self.schedule.providers, 2)
        return self._block({(one.name, two.name), (two.name, one.name)})

    def _one_way(self) -> bool:
        """What one says does not reach the other; the other way is open."""
        one, two = self.chance.sample(self._names(), 2)
        return self._block({(one, two)})

    def _cut_off(self) -> bool:
        """A provider is alone."""
        name = self._one().name
        return self._block({way for other in self._names() if other != name for way in ((name, other), (other, name))})

    def _block(self, ways: set[tuple[str, str]]) -> bool:
        self._say(f"blocked: {' '.join(f'{one}→{two}' for one, two in sorted(ways))}")
        self.schedule.lines.blocked |= ways
        return True

    def _slow(self) -> bool:
        """What one says takes seconds to get to another."""
        one, two = self.chance.sample(self._names(), 2)
        self.schedule.lines.slow[(one, two)] = self.chance.randint(500, SLOW_MS_MAX)
        self._say(f"slow: {one}→{two}")
        return True

    def _stopped(self) -> bool:
        """A process stands still for a while (SIGSTOP, a machine that swaps), and its connections stay open."""
        provider = self._one()
        provider.stopped_until_ms = self.schedule.time[0] + self.chance.randint(2_000, 20_000)
        self._say(f"{provider.name} stands still")
        return True

    def _clock_minutes(self) -> bool:
        return self._clock(MINUTES_MS)

    def _clock_day(self) -> bool:
        return self._clock(DAY_MS)

    def _clock(self, most: int) -> bool:
        """The clock of a provider or a device is set wrong, forwards or back."""
        one = self.chance.choice([*self.schedule.providers, *self.schedule.devices])
        one.clock.error_ms = self.chance.choice((-1, 1)) * self.chance.randint(most // 2, most)
        self._say(f"the clock of {one.name} is off by {one.clock.error_ms // 1000} s")
        return True

    def _clock_back(self) -> bool:
        """A provider's clock that was right jumps back by minutes, and later is right again."""
        one = self._one()
        one.clock.error_ms -= self.chance.randint(10_000, MINUTES_MS)
        self._say(f"the clock of {one.name} jumps back to {one.clock.error_ms // 1000} s")
        return True

    def _clocks_right(self) -> bool:
        """All clocks are set right."""
        for one in (*self.schedule.providers, *self.schedule.devices):
            one.clock.error_ms = 0
        self._say("all clocks are right")
        return True

    def _fail_over(self) -> bool:
        """A device goes to another provider, with its outbox."""
        device = self.chance.choice(self.schedule.devices)
        if device.provider is None:
            return False
        others = [one for one in self.schedule.providers if one is not device.provider]
        self.schedule.connect(device, self.chance.choice(others))
        return device.provider in others

    def _old_profile(self) -> bool:
        """A browser's folder is put back as it was, with an old outbox."""
        device = self.chance.choice(self.schedule.devices)
        if not device.profiles:
            device.save_profile()
            return False
        self._say(f"{device.name} is put back to an old profile")
        device.restore_profile(self.chance.randrange(len(device.profiles)))
        return True

    def _only_holder_lost(self) -> bool:
        """Who alone has what somebody wrote last loses its disk, and the author has closed the browser for the day."""
        for provider in self.schedule.honest:
            others = [one for one in self.schedule.honest if one is not provider]
            rest = [one for one in self.schedule.providers if one is not provider]
            authors = self._only_at(provider, _together(rest))
            if authors and covers(_together(others), self.schedule.claims):
                self._say(f"{provider.name} alone has what {' and '.join(one.name for one in authors)} wrote last")
                for one in authors:
                    one.is_away = True
                provider.restore(None)
                self.schedule.hang_up(provider)
                if self.schedule.rogue is not None:
                    self.schedule.rogue.forget(provider.provider)
                return True
        return False

    def _only_at(self, provider: Partner, elsewhere: dict[str, dict[str, int]]) -> list[Device]:
        """Whose last fact in a space was acknowledged by this provider, and has got nowhere else."""
        found = []
        for space, vector in provider.vectors().items():
            if any(seq > elsewhere.get(space, {}).get(sub, 0) for sub, seq in vector.items()):
                alone = {one.id for one in provider.entries(space, elsewhere.get(space, {}), ALONE_MAX)}
                last = [one for one in self.schedule.devices if one.chain.get(space, (0, None))[1] in alone]
                found += [one for one in last if one.chain[space][1] in provider.acked]
        return found

    def _silenced(self) -> bool:
        """Two do not know of each other: one takes back what the other wrote, and removes them; the other edits it."""
        writing = [one for one in self.schedule.devices if one.may_write]
        if not writing:
            return False  # nobody may write any more: nothing to lose
        device = self.chance.choice(writing)
        return self.schedule.people.silence(device)

    def _lines_added(self) -> bool:
        """Somebody writes what has an order."""
        for device in self.schedule.devices:
            if device.may_write and self.schedule.people.space in device.known:
                self.schedule.people.add_line(device)
        return True

    # Whom it hits

    def _one(self) -> Partner:
        return self.chance.choice(self.schedule.providers)

    def _busiest(self) -> Partner:
        return max(self.schedule.providers, key=lambda one: (len(one.inbox), self.chance.random()))

    def _names(self) -> list[str]:
        return [one.name for one in (*self.schedule.providers, *self.schedule.devices)]

    def _say(self, text: str) -> None:
        self.schedule.say(text)


def _together(providers: list[Partner]) -> dict[str, dict[str, int]]:
    """How far at least one of them is."""
    found: dict[str, dict[str, int]] = {}
    for provider in providers:
        for space, vector in provider.vectors().items():
            whole = found.setdefault(space, {})
            for sublog, seq in vector.items():
                whole[sublog] = max(whole.get(sublog, 0), seq)
    return found


def _arm(faults: Faults, trick: str) -> bool:
    """The rogue plays it at the next chance; it counts once it did."""
    rogue = faults.schedule.rogue
    if rogue is None:
        return False
    rogue.armed.append(trick)
    faults.happened[trick] -= 1
    return True


#: Kind → what does it, and whether it could.
ONCE: dict[str, Callable[[Faults], bool]] = {
    "crash_before_commit": Faults._crash_before_commit,
    "crash_after_commit": Faults._crash_after_commit,
    "crash": Faults._crash,
    "disk_lost": Faults._disk_lost,
    "disk_restored": Faults._disk_restored,
    "line_cut": Faults._line_cut,
    "partition": Faults._partition,
    "one_way": Faults._one_way,
    "cut_off": Faults._cut_off,
    "slow": Faults._slow,
    "stopped": Faults._stopped,
    "clock_minutes": Faults._clock_minutes,
    "clock_day": Faults._clock_day,
    "clock_back": Faults._clock_back,
    "fail_over": Faults._fail_over,
    "old_profile": Faults._old_profile,
    "only_holder_lost": Faults._only_holder_lost,
    "silenced": Faults._silenced,
    "lines_added": Faults._lines_added,
    **{trick: partial(_arm, trick=trick) for trick in TRICKS},
}
KINDS = (*SHARES, *ONCE)
RARE = ("only_holder_lost", "silenced", "lines_added")

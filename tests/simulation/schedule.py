"""One seed, one schedule: what happens, in which order, and what goes wrong; then everything heals."""

import random
from collections.abc import Callable

from tests.simulation.device import Device
from tests.simulation.invariants import Violation, check_all, check_crash
from tests.simulation.network import Faults, Message, covers, garbled
from tests.simulation.people import People
from tests.simulation.provider import REGISTRY, Clock, Disk, Provider, Vectors, key_of
from verbund.base.ids import SpaceId
from verbund.log.core import Parcel
from verbund.log.entry import Entry
from verbund.log.outcome import Outcome

STEPS = 220
NETWORK_MAX = 400
BACKUPS_MAX = 6
HEAL_ROUNDS_MAX = 60
PAGE_MAX = 40
MEMBER_SHARE = 0.85
WRONG_CLOCK_SHARE, WRONG_CLOCK_MS = 0.2, 70_000
START_MS = 1_800_000_000_000


class Schedule:
    """Runs one seed on two disks that are used again by the next one."""

    provider_class: type[Provider] = Provider
    device_class: type[Device] = Device

    def __init__(self, seed: int, disks: tuple[Disk, Disk], steps: int = STEPS) -> None:
        self.seed, self.steps = seed, steps
        self.chance = random.Random(seed)
        self.time = [START_MS]
        self.trace: list[str] = []
        self.network: list[Message] = []
        self.cut_off: set[frozenset[str]] = set()
        self.step = 0
        self.healed = False
        #: What any provider ever said that both hold: space → sub-log → seq.
        self.claims: Vectors = {}
        self.faults = self._faults()
        skew = [self.chance.randint(-5_000, 5_000) for _ in range(5)]
        self.providers = [
            self.provider_class(name, seed, Clock(self.time, skew[number]), self.chance, disks[number])
            for number, name in enumerate(("A", "B"))
        ]
        self.devices = [
            self.device_class(name, key_of(f"{seed} {name}"), Clock(self.time, skew[number]), self.chance)
            for number, name in enumerate(("anna", "ben", "carla"), 2)
        ]
        self.people = People(self.devices, self.chance)

    def run(self) -> None:
        """Raises Violation."""
        try:
            self._prepare()
            for step in range(1, self.steps + 1):
                self.step = step
                self.time[0] += self.chance.randint(1, 2_000)
                self._happen()
            self._heal()
            check_all(self)
        finally:
            for provider in self.providers:
                provider.stop()

    def say(self, text: str) -> None:
        self.trace.append(f"{self.step:4} {text}")

    def other(self, provider: Provider) -> Provider:
        return self.providers[1 - self.providers.index(provider)]

    def _faults(self) -> Faults:
        def on(most: float, share: float = 0.7) -> float:
            return self.chance.random() * most if self.chance.random() < share else 0.0

        return Faults(on(0.3), on(0.3), on(0.2, 0.4), on(1.5), on(1.2), on(2.0), on(2.0))

    def _prepare(self) -> None:
        """Accounts and the space exist at the first provider, and everybody was there once."""
        one, two = self.providers
        one.meet(two)
        two.meet(one)
        self.people.open_accounts()
        self._everybody_is_at(one)
        self.people.found((one.provider, two.provider))
        self._everybody_is_at(one)
        self._join_all(one)
        for provider in self.providers:
            provider.back_up()
        if self.chance.random() < WRONG_CLOCK_SHARE:
            self.devices[2].clock.error_ms = WRONG_CLOCK_MS

    def _everybody_is_at(self, provider: Provider) -> None:
        """What everybody has written is accepted there, and seen by all who follow it."""
        for device in self.devices:
            if device.provider is None:
                device.connect(provider)
            self._send(device)
            self._deliver_all()
            self._commit(provider)
            self._deliver_all()
        for device in self.devices:
            self._poll(device)
            self._deliver_all()
        if any(item.refused or not item.accepted for device in self.devices for item in device.own.values()):
            raise RuntimeError("the schedule did not begin as it should")

    def _join_all(self, provider: Provider) -> None:
        """Most begin as members, by the founder's invitations, and everybody has seen who is one."""
        for device, link in zip(self.devices[1:], self.people.links, strict=True):
            if self.chance.random() < MEMBER_SHARE:
                self.people.join(device, link)
        self._everybody_is_at(provider)

    def _happen(self) -> None:
        """One step: somebody acts, something arrives, something is written, something goes wrong."""
        faults = self.faults
        doings: list[tuple[Callable[[], None], float]] = [
            (self._act, 7.0), (self._arrive, 14.0), (self._write, 7.0), (self._exchange, 2.5),
            (self._send_some, 5.0), (self._poll_some, 3.0), (self._crash, 0.7 * faults.crashes),
            (self._back_up, 0.4), (self._restore, 0.9 * faults.restores), (self._part, 0.4 * faults.partitions),
            (self._join_again, 0.5), (self._fail_over, 0.5 * faults.failovers), (self._reconnect, 2.0),
        ]  # fmt: skip
        doing = self.chance.choices([doing for doing, _ in doings], [weight for _, weight in doings])[0]
        doing()

    def _act(self) -> None:
        device = self.chance.choice(self.devices)
        what, item = self.people.act(device)
        if item is not None:
            self.say(f"{device.name} {what} {item.id[:6]} #{item.ds} in {item.space[:6]}")

    def _arrive(self) -> None:
        """Any message arrives next; some are lost, some arrive twice."""
        if not self.network:
            return
        number = self.chance.randrange(len(self.network))
        message = self.network[number]
        self.network[number] = self.network[-1]
        self.network.pop()
        if self.chance.random() < self.faults.duplication:
            self.network.append(message)
        self._deliver(message)

    def _deliver(self, message: Message) -> None:
        if frozenset((message.source, message.target)) in self.cut_off:
            return
        if not self.healed and self.chance.random() < self.faults.loss:
            self.say(f"lost {message.source}→{message.target} {message.what}")
            return
        self.say(f"{message.source}→{message.target} {message.what}")
        message.deliver()

    def _deliver_all(self) -> None:
        while self.network:
            message = self.network.pop(0)
            if frozenset((message.source, message.target)) not in self.cut_off:
                message.deliver()

    def _put(self, source: str, target: str, what: str, deliver: Callable[[], None]) -> None:
        if len(self.network) < NETWORK_MAX:
            self.network.append(Message(source, target, what, deliver))

    def _send_some(self) -> None:
        self._send(self.chance.choice(self.devices))

    def _send(self, device: Device) -> None:
        provider, session = device.provider, device.session
        batch = device.batch()
        if provider is None or not batch:
            return
        parcels = [parcel for _, parcel in batch]

        def reply(outcomes: list[Outcome]) -> None:
            self._note(provider, parcels, outcomes)

            def told() -> None:
                if device.session == session:
                    for (core, _), outcome in zip(batch, outcomes, strict=True):
                        device.answered(core, outcome)

            shown = " ".join(f"{core[:6]}:{_shown(one)}" for (core, _), one in zip(batch, outcomes, strict=True))
            self._put(provider.name, device.name, f"ack {shown}", told)

        names = " ".join(core[:6] for core, _ in batch)
        self._put(device.name, provider.name, f"submit {names}", lambda: provider.submit(parcels, reply))

    def _note(self, provider: Provider, parcels: list[Parcel], outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.st == "accepted" and outcome.id is not None:
                provider.acked.add(outcome.id)

    def _write(self) -> None:
        self._commit(self.chance.choice(self.providers))

    def _commit(self, provider: Provider) -> None:
        done = provider.commit()
        if done:
            self.say(f"{provider.name} commits {len(done)}")
        for work, reply in done:
            reply(work)

    def _poll_some(self) -> None:
        self._poll(self.chance.choice(self.devices))

    def _poll(self, device: Device) -> None:
        provider = device.provider
        if provider is None:
            return
        vectors: Vectors = {space: dict(vector) for space, vector in device.vectors.items()}

        def asked() -> None:
            for space in provider.vectors():
                if not self._follows(device, space):
                    continue
                page = provider.entries(space, vectors.get(space, {}), PAGE_MAX)
                durable = self._durable(provider, space)
                if page or durable:
                    self._put(
                        provider.name, device.name, f"shows {len(page)} of {space[:6]}",
                        _showing(device, space, page, durable),
                    )  # fmt: skip

        self._put(device.name, provider.name, "follows", asked)

    def _follows(self, device: Device, space: SpaceId) -> bool:
        return str(space) == device.account or not self._is_account(space)

    def _is_account(self, space: SpaceId) -> bool:
        return any(str(one.account) == str(space) for one in self.devices)

    def _durable(self, provider: Provider, space: SpaceId) -> dict[str, int]:
        """What this provider has and knows its partner to have."""
        here, there = provider.vectors().get(space, {}), provider.partner.get(space, {})
        both = {sublog: min(seq, there[sublog]) for sublog, seq in here.items() if there.get(sublog)}
        claimed = self.claims.setdefault(space, {})
        for sublog, seq in both.items():
            claimed[sublog] = max(claimed.get(sublog, 0), seq)
        return both

    def _exchange(self) -> None:
        """A provider tells its partner how far it is; the partner sends what is missing."""
        self._tell(self.chance.choice(self.providers))

    def _tell(self, asking: Provider) -> None:
        giving = self.other(asking)
        vectors, key = asking.vectors(), asking.key

        def asked() -> None:
            giving.partner = {space: dict(vector) for space, vector in vectors.items()}
            if key.device != giving.met:
                giving.meet(asking)
            spaces = list(giving.vectors())
            if not self.healed:
                self.chance.shuffle(spaces)
            for space in spaces:
                page = giving.entries(space, vectors.get(space, {}), self.chance.choice((1, 3, PAGE_MAX)))
                if page:
                    self._give(giving, asking, space, page)

        self._put(asking.name, giving.name, "is this far", asked)

    def _give(self, giving: Provider, asking: Provider, space: SpaceId, page: list[Entry]) -> None:
        if not self.healed and self.chance.random() < self.faults.garbling:
            page = garbled(page, self.chance)
        names = " ".join(f"{one.id[:6]}@{one.p[:2]}.{one.i}:{one.n}{'×' if one.x == 3 else ''}" for one in page)
        self._put(giving.name, asking.name, f"gives {names}", lambda: asking.accept(page))

    def _crash(self) -> None:
        """Power fails: between write and fsync, or after the commit and before the answers."""
        provider = max(self.providers, key=lambda one: (len(one.inbox), self.chance.random()))
        if self.chance.random() < 0.6:
            provider.log.power_fails = True
            self.say(f"{provider.name} loses power before the commit of {len(provider.inbox)}")
            self._commit(provider)
        else:
            self.say(f"{provider.name} dies after the commit of {len(provider.inbox)}")
            provider.commit()
        provider.stop()
        provider.start()
        check_crash(self, provider)
        self._hang_up(provider)

    def _hang_up(self, provider: Provider) -> None:
        for device in self.devices:
            if device.provider is provider:
                device.provider = None

    def _back_up(self) -> None:
        provider = self.chance.choice(self.providers)
        if len(provider.backups) < BACKUPS_MAX:
            provider.back_up()

    def _restore(self) -> None:
        """A disk is lost and an old backup takes its place; one at a time: the other must hold what was promised."""
        provider = self.chance.choice(self.providers)
        if not covers(self.other(provider).vectors(), self.claims):
            return
        which = self.chance.randrange(len(provider.backups))
        self.say(f"{provider.name} loses its disk, backup {which} is restored")
        provider.restore(which)
        self._hang_up(provider)

    def _part(self) -> None:
        """A line goes down: between the providers, or a provider is cut off from everybody."""
        name = self.chance.choice(("A", "B"))
        if self.chance.random() < 0.5:
            lines = [frozenset(("A", "B"))]
        else:
            names = [*(one.name for one in self.providers), *(one.name for one in self.devices)]
            lines = [frozenset((name, other)) for other in names if other != name]
        self.say(f"cut off: {' '.join('-'.join(sorted(line)) for line in lines)}")
        self.cut_off |= set(lines)

    def _join_again(self) -> None:
        if self.cut_off and self.chance.random() < 0.5:
            self.say("the lines are up again")
            self.cut_off.clear()

    def _fail_over(self) -> None:
        device = self.chance.choice(self.devices)
        if device.provider is not None:
            self._connect(device, self.other(device.provider))

    def _reconnect(self) -> None:
        for device in self.devices:
            if device.provider is None or frozenset((device.name, device.provider.name)) in self.cut_off:
                self._connect(device, self.chance.choice(self.providers))

    def _connect(self, device: Device, provider: Provider) -> None:
        """A device signs in where it is known."""
        if frozenset((device.name, provider.name)) in self.cut_off or not provider.knows(device.dev):
            return
        self.say(f"{device.name} connects to {provider.name}")
        device.connect(provider)

    def _heal(self) -> None:
        """No more faults: everything that is still to be said gets through, within a bound."""
        self.say("everything heals")
        self.healed = True
        self.cut_off.clear()
        for round_ in range(HEAL_ROUNDS_MAX):
            self.step += 1
            self.time[0] += 1_000
            for device in self.devices:
                if device.provider is None:
                    self._connect(device, self.providers[round_ % 2])
                self._send(device)
                self._poll(device)
            for provider in self.providers:
                self._tell(provider)
            while self.network or any(provider.inbox for provider in self.providers):
                self._flush()
            if self._quiet():
                return
        stuck = {one.name: [(item.id[:6], item.refused) for item in one.outbox.values()] for one in self.devices}
        raise Violation("liveness", f"not quiet after {HEAL_ROUNDS_MAX} rounds: outboxes {stuck}")

    def _flush(self) -> None:
        while self.network:
            self._deliver(self.network.pop(0))
        for provider in self.providers:
            self._commit(provider)

    def _quiet(self) -> bool:
        one, two = self.providers
        vectors = one.vectors()
        wanted = {self.people.space: vectors.get(self.people.space, {})}
        return (
            not any(device.outbox for device in self.devices)
            and vectors == two.vectors()
            and all(covers(device.vectors, wanted) for device in self.devices)
        )


def _showing(device: Device, space: SpaceId, page: list[Entry], durable: dict[str, int]) -> Callable[[], None]:
    def shown() -> None:
        device.shown(space, page, REGISTRY)
        device.covered(space, durable)

    return shown


def _shown(outcome: Outcome) -> str:
    return outcome.refusal.code if outcome.refusal is not None else outcome.st

"""One seed, one schedule: what happens, in which order, and what goes wrong; then everything heals."""

import random
from collections.abc import Callable

from tests.simulation.device import Device
from tests.simulation.faults import Faults
from tests.simulation.healing import heal, settle
from tests.simulation.invariants import check_all, check_claim
from tests.simulation.line import END, Line, Lines
from tests.simulation.network import Message
from tests.simulation.partner import Partner
from tests.simulation.people import People
from tests.simulation.provider import REGISTRY, Clock, Disk, Vectors, key_of
from tests.simulation.rogue import TRICKS, Rogue
from verbund.base.ids import SpaceId
from verbund.log.core import Parcel
from verbund.log.entry import Entry
from verbund.log.outcome import Outcome
from verbund.partners.schemas import PROTOCOLS

STEPS = 300
STEP_MS_MAX = 800
NETWORK_MAX = 400
BACKUPS_MAX = 4
PAGE_MAX = 40
MEMBER_SHARE = 0.85
#: So many providers are still of the release before.
OLD_SHARE = 0.3
START_MS = 1_800_000_000_000
PROVIDERS = ("A", "B", "C")
DEVICES = ("anna", "ben", "carla")
Disks = tuple[Disk, Disk, Disk]


class Schedule:
    """Runs one seed on three disks that are used again by the next one."""

    provider_class: type[Partner] = Partner
    device_class: type[Device] = Device

    def __init__(self, seed: int, disks: Disks, steps: int = STEPS, focus: tuple[str, ...] = ()) -> None:
        self.seed, self.steps = seed, steps
        self.chance = random.Random(seed)
        self.time = [START_MS]
        self.trace: list[str] = []
        self.network: list[Message] = []
        self.lines = Lines()
        self.step = 0
        self.healed = False
        #: What any provider ever said to be safe: space → sub-log → seq.
        self.claims: Vectors = {}
        skew = [self.chance.randint(-5_000, 5_000) for _ in (*PROVIDERS, *DEVICES)]
        self.providers = [
            self._provider(name, Clock(self.time, skew.pop()), disk)
            for name, disk in zip(PROVIDERS, disks, strict=True)
        ]
        self.devices = [
            self.device_class(name, key_of(f"{seed} {name}"), Clock(self.time, skew.pop()), self.chance)
            for name in DEVICES
        ]
        self.people = People(self.devices, self.chance)
        self.accounts: set[str] = set()
        self.faults = Faults(self, self.chance, focus)
        self.rogue: Rogue | None = None
        if any(kind in TRICKS for _, kind in self.faults.plan):
            provider = self.chance.choice(self.providers)
            provider.protocols = PROTOCOLS[:1]
            self.rogue = provider.rogue = Rogue(provider, self.chance)

    def run(self) -> None:
        """Raises Violation."""
        try:
            self._prepare()
            for step in range(1, self.steps + 1):
                self.step = step
                self.pass_time(self.chance.randint(1, STEP_MS_MAX))
                self.faults.due(step)
                self._happen()
            heal(self)
            check_all(self)
        finally:
            for provider in self.providers:
                provider.stop()

    @property
    def honest(self) -> list[Partner]:
        """The providers that keep to what was agreed."""
        return [one for one in self.providers if one.rogue is None]

    def say(self, text: str) -> None:
        self.trace.append(f"{self.step:4} {text}")

    def pass_time(self, ms: int) -> None:
        self.time[0] += ms
        for provider in self.providers:
            if self.runs(provider):
                provider.tick()

    def runs(self, provider: Partner) -> bool:
        return provider.stopped_until_ms <= self.time[0]

    def _provider(self, name: str, clock: Clock, disk: Disk) -> Partner:
        provider = self.provider_class(name, self.seed, clock, self.chance, disk)
        provider.lines, provider.time, provider.proofs = self.lines, self.time, set()
        if self.chance.random() < OLD_SHARE:
            provider.protocols = PROTOCOLS[:1]
        return provider

    def _prepare(self) -> None:
        """Accounts and the space exist at the first provider, and everybody was there once."""
        one = self.providers[0]
        self.people.open_accounts()
        self._everybody_is_at(one)
        self.people.found(tuple(provider.provider for provider in self.providers))
        self._everybody_is_at(one)
        for device, link in zip(self.devices[1:], self.people.links, strict=True):
            if self.chance.random() < MEMBER_SHARE:
                self.people.join(device, link)
        self._everybody_is_at(one)
        self.accounts = {str(device.account) for device in self.devices}
        self.dial_all()
        settle(self)
        for provider in self.providers:
            provider.back_up()
        for device in self.devices:
            self.connect(device, self._one())

    def _everybody_is_at(self, provider: Partner) -> None:
        """What everybody has written is accepted there, and seen by all who follow it."""
        for device in self.devices:
            if device.provider is None:
                device.connect(provider)
            self.send(device)
            self._deliver_all()
            self.commit(provider)
            self._deliver_all()
        for device in self.devices:
            self.poll(device)
            self._deliver_all()
        if any(item.refused or not item.accepted for device in self.devices for item in device.own.values()):
            raise RuntimeError("the schedule did not begin as it should")

    def _deliver_all(self) -> None:
        while self.network:
            self.network.pop(0).deliver()

    def _happen(self) -> None:
        """One step: somebody acts, something arrives, something is written."""
        doings: list[tuple[Callable[[], None], float]] = [
            (self._act, 7.0), (self._arrive, 12.0), (self._hear, 16.0), (self._write, 8.0), (self._go_on, 8.0),
            (self._send_some, 5.0), (self._poll_some, 3.0), (self._refresh, 2.0), (self._dial, 2.0),
            (self._back_up, 0.4), (self._mend, 0.6), (self._reconnect, 2.0), (self._move, 0.4),
        ]  # fmt: skip
        doing = self.chance.choices([doing for doing, _ in doings], [weight for _, weight in doings])[0]
        doing()

    # Devices and providers

    def _act(self) -> None:
        device = self.chance.choice(self.devices)
        if not device.may_write or device.is_away:
            return
        what, item = self.people.act(device)
        if item is not None:
            self.say(f"{device.name} {what} {item.id[:6]} #{item.ds} in {item.space[:6]}")

    def _arrive(self) -> None:
        """The oldest message arrives, or another one that overtakes it; some are lost, some arrive twice."""
        ready = [number for number, one in enumerate(self.network) if one.due_ms <= self.time[0]]
        if not ready:
            return
        overtakes = len(ready) > 1 and self.faults.strikes("reordering")
        message = self.network.pop(self.chance.choice(ready[1:]) if overtakes else ready[0])
        if self.faults.strikes("duplication"):
            self.network.append(message)
        self.deliver(message)

    def deliver(self, message: Message) -> None:
        if (message.source, message.target) in self.lines.blocked:
            return
        if self.faults.strikes("loss"):
            self.say(f"lost {message.source}→{message.target} {message.what}")
            return
        self.say(f"{message.source}→{message.target} {message.what}")
        message.deliver()

    def _put(self, source: str, target: str, what: str, deliver: Callable[[], None]) -> None:
        if len(self.network) < NETWORK_MAX:
            due = self.time[0] + self.lines.delay(source, target)
            self.network.append(Message(source, target, what, due, deliver))

    def _send_some(self) -> None:
        self.send(self.chance.choice(self.devices))

    def send(self, device: Device) -> None:
        """What waits in the outbox goes out."""
        provider, session = device.provider, device.session
        batch = device.batch()
        if provider is None or not batch:
            return
        parcels = [parcel for _, parcel in batch]

        def reply(outcomes: list[Outcome]) -> None:
            self._note(provider, outcomes)

            def told() -> None:
                if device.session == session:
                    for (core, _), outcome in zip(batch, outcomes, strict=True):
                        device.answered(core, outcome)

            shown = " ".join(f"{core[:6]}:{_shown(one)}" for (core, _), one in zip(batch, outcomes, strict=True))
            self._put(provider.name, device.name, f"ack {shown}", told)

        names = " ".join(core[:6] for core, _ in batch)
        self._put(device.name, provider.name, f"submit {names}", lambda: provider.submit(parcels, reply))

    def _note(self, provider: Partner, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.st == "accepted" and outcome.id is not None:
                provider.acked.add(outcome.id)

    def _poll_some(self) -> None:
        self.poll(self.chance.choice(self.devices))

    def poll(self, device: Device) -> None:
        """The device asks for what is new, and hears what is safe."""
        provider = device.provider
        if provider is None:
            return
        vectors: Vectors = {space: dict(vector) for space, vector in device.vectors.items()}

        def asked() -> None:
            for space, vector in list(provider.vectors().items()):
                if space in self.accounts and space != device.account:
                    continue
                known = vectors.get(space, {})
                behind = any(known.get(sublog, 0) < seq for sublog, seq in vector.items())
                page = provider.entries(space, known, PAGE_MAX) if behind else []
                durable = self._durable(provider, space)
                if page or durable:
                    self._put(
                        provider.name, device.name, f"shows {len(page)} of {space[:6]}",
                        _showing(device, space, page, durable),
                    )  # fmt: skip

        self._put(device.name, provider.name, "follows", asked)

    def _durable(self, provider: Partner, space: SpaceId) -> dict[str, int]:
        """What this provider says to be safe."""
        safe = provider.durable(space)
        if self.rogue is None:
            check_claim(self, provider, space, safe)
        claimed = self.claims.setdefault(space, {})
        for sublog, seq in safe.items():
            claimed[sublog] = max(claimed.get(sublog, 0), seq)
        return safe

    def hang_up(self, provider: Partner) -> None:
        for device in self.devices:
            if device.provider is provider:
                device.provider = None

    def _reconnect(self) -> None:
        for device in self.devices:
            provider = device.provider
            if provider is None or not self.lines.is_open(device.name, provider.name) or not self.runs(provider):
                self.connect(device, self.chance.choice(self.providers))

    def _move(self) -> None:
        """Somebody opens the app at another provider, from where they are now."""
        self.connect(self.chance.choice(self.devices), self._one())

    def connect(self, device: Device, provider: Partner) -> None:
        """A device signs in where it is known."""
        reached = self.lines.is_open(device.name, provider.name) and self.runs(provider)
        if reached and provider.knows(device.dev):
            self.say(f"{device.name} connects to {provider.name}")
            device.connect(provider)
            if not device.may_write:
                with provider.reader() as view:
                    device.reconcile({space: view.head(space, device.dev) for space in provider.vectors()})

    # Providers

    def _write(self) -> None:
        self.commit(self._one())

    def commit(self, provider: Partner) -> None:
        """What is queued there gets to its disk; authors first, then followers and partners are told."""
        if not self.runs(provider):
            return
        done = provider.commit()
        if done:
            self.say(f"{provider.name} commits {len(done)}")
        for work, reply in done:
            reply(work)
        provider.told(provider.service.appended())

    def _go_on(self) -> None:
        """Something that a provider does beside other things: reading a page, taking note of a commit."""
        provider = max(self.providers, key=lambda one: (bool(one.tasks) and self.runs(one), self.chance.random()))
        if provider.tasks and self.runs(provider):
            provider.tasks.pop(self.chance.randrange(len(provider.tasks)))()

    def _refresh(self) -> None:
        provider = self._one()
        if provider.is_stale and not provider.is_reading and self.runs(provider):
            provider.refresh()

    def _hear(self) -> None:
        """The next frame of some line arrives."""
        ready = [(line, name) for line, name in self.lines.ready(self.time[0]) if self.runs(self.named(name))]
        if ready:
            self.hear(*self.chance.choice(ready))

    def hear(self, line: Line, name: str) -> None:
        _, frame = line.ways[name].popleft()
        link = line.links.get(name)
        if link is None:
            return
        self.say(f"{line.other(name)}⇒{name} {_framed(frame)}")
        if frame == END:
            link.gone("partners.gone")
        else:
            link.heard(frame)

    def _dial(self) -> None:
        one, two = self.chance.sample(self.providers, 2)
        self.dial(one, two)

    def dial(self, one: Partner, two: Partner) -> None:
        """One calls the other, unless it believes to be linked to it."""
        reached = self.lines.is_open(one.name, two.name) and self.runs(one) and self.runs(two)
        if two.provider in one.links or not reached:
            return
        self.say(f"{one.name} calls {two.name}")
        line = Line(one.name, two.name)
        self.lines.all.append(line)
        two.enter(one, line, one.provider)
        one.enter(two, line, one.provider)

    def dial_all(self) -> None:
        for one in self.providers:
            for two in self.providers:
                if one is not two:
                    self.dial(one, two)

    def _back_up(self) -> None:
        provider = self._one()
        if len(provider.backups) < BACKUPS_MAX:
            provider.back_up()

    def _mend(self) -> None:
        """What was blocked or slow is well again."""
        if (self.lines.blocked or self.lines.slow) and self.chance.random() < 0.6:
            self.say("the lines are well again")
            self.lines.blocked.clear()
            self.lines.slow.clear()

    def _one(self) -> Partner:
        return self.chance.choice(self.providers)

    def named(self, name: str) -> Partner:
        return self.providers[PROVIDERS.index(name)]


def _showing(device: Device, space: SpaceId, page: list[Entry], durable: dict[str, int]) -> Callable[[], None]:
    def shown() -> None:
        device.shown(space, page, REGISTRY)
        device.covered(space, durable)

    return shown


def _shown(outcome: Outcome) -> str:
    return outcome.refusal.code if outcome.refusal is not None else outcome.st


def _framed(frame: bytes) -> str:
    text = frame.decode("utf-8", "replace")
    return text if len(text) <= 240 else f"{text[:240]}… ({len(text)})"


__all__ = ["STEPS", "Parcel", "Schedule"]

"""What people do in the simulation: they talk, change their minds, invite, remove each other, meet in two."""

import random
from hashlib import sha256

from tests.simulation.device import Device, Item, Known
from tests.simulation.ordered import LineAdded
from verbund.accounts.events import AccountOpened
from verbund.base.ids import CoreId, ProviderId, SpaceId, b64, direct_space
from verbund.base.keys import DeviceKey
from verbund.chat.events import (
    ChannelOpened,
    ChannelRenamed,
    MessageEdited,
    MessagePosted,
    MessageWithdrawn,
    ReactionSet,
)
from verbund.spaces.events import (
    DirectOpened,
    InvitationMade,
    MemberJoined,
    MemberRemoved,
    RoleChanged,
    SpaceArchived,
    SpaceCreated,
    SpaceDescribed,
)
from verbund.spaces.rules import join_message

EMOJI = ("👍", "🎉", "🪵")
ROLES = ("owner", "admin", "member", "guest")
ACTS: tuple[tuple[str, int], ...] = (
    ("post", 40), ("reply", 8), ("edit", 12), ("withdraw", 5), ("react", 12), ("channel", 3), ("rename", 2),
    ("describe", 3), ("remove", 6), ("leave", 1), ("join", 6), ("invite", 3), ("role", 2), ("archive", 1),
    ("direct", 5),
)  # fmt: skip


class People:
    """Three people with a device each, a space of theirs, and what they know outside of it: the invitation's key."""

    def __init__(self, devices: list[Device], chance: random.Random) -> None:
        self.devices, self.chance = devices, chance
        self.space = SpaceId("")
        self.links: list[tuple[CoreId, DeviceKey]] = []
        self.words = 0

    def open_accounts(self) -> None:
        for device in self.devices:
            key = device.key.public
            item = device.write(None, AccountOpened(alg="ed25519", key=b64(key.raw)))
            device.account = item.space  # type: ignore[assignment]  # an account is its genesis

    def found(self, providers: tuple[ProviderId, ...]) -> None:
        """The first person founds the space and invites the others."""
        anna = self.devices[0]
        event = SpaceCreated(
            sort="organisation",
            title="Werkstatt",
            parent=None,
            account=anna.account,
            providers=providers,
            address_form="du",
        )
        self.space = anna.write(None, event).space
        self._invite(anna, "admin")
        self._invite(anna, "member")

    def act(self, device: Device) -> tuple[str, Item | None]:
        """Something that this person may want to do now; None when there was nothing to do it with."""
        what = self.chance.choices([name for name, _ in ACTS], [weight for _, weight in ACTS])[0]
        if self.space not in device.known:
            return what, None
        return what, getattr(self, f"_{what}")(device)

    def _post(self, device: Device, space: SpaceId | None = None) -> Item:
        where = space or self.space
        channels = self._shown(device, where, ChannelOpened.kind)
        channel = self.chance.choice(channels).id if channels and self.chance.random() < 0.3 else None
        event = MessagePosted(text=self._text(device), channel=channel)
        return device.write(where, event, [channel] if channel else [])

    def _reply(self, device: Device) -> Item | None:
        target = self._message(device)
        if target is None:
            return None
        event = MessagePosted(text=self._text(device), reply_to=target.id)
        return device.write(self.space, event, [target.id])

    def _edit(self, device: Device) -> Item | None:
        target = self._message(device, own=True)
        if target is None:
            return None
        return device.write(self.space, MessageEdited(message=target.id, text=self._text(device)), [target.id])

    def _withdraw(self, device: Device) -> Item | None:
        own = self.chance.random() < 0.8
        target = self._message(device, own)
        if target is None:
            return None
        event = MessageWithdrawn(message=target.id, by="author" if own else "moderator")
        return device.write(self.space, event, [target.id])

    def _react(self, device: Device) -> Item | None:
        target = self._message(device)
        if target is None:
            return None
        event = ReactionSet(message=target.id, emoji=self.chance.choice(EMOJI), on=self.chance.random() < 0.7)
        return device.write(self.space, event, [target.id])

    def _channel(self, device: Device) -> Item:
        return device.write(self.space, ChannelOpened(title=self._text(device)))

    def _rename(self, device: Device) -> Item | None:
        channels = self._shown(device, self.space, ChannelOpened.kind)
        if not channels:
            return None
        channel = self.chance.choice(channels).id
        return device.write(self.space, ChannelRenamed(channel=channel, title=self._text(device)), [channel])

    def _describe(self, device: Device) -> Item:
        event = SpaceDescribed(title=self._text(device), description="", address_form="du")
        return device.write(self.space, event)

    def _remove(self, device: Device) -> Item | None:
        other = self.chance.choice([one for one in self.devices if one is not device])
        last = max((one.core.ds for one in self._all(device) if one.core.dev == other.dev), default=0)
        cut = self.chance.choice([last, last, max(0, last - 1)])
        event = MemberRemoved(account=other.account, cuts={other.dev: cut})
        return device.write(self.space, event)

    def add_line(self, device: Device) -> Item:
        """Something of a kind that has an order."""
        return device.write(self.space, LineAdded(text=self._text(device)))

    def silence(self, device: Device) -> bool:
        """Somebody's message is taken back and they are removed, while they, who know nothing of it, still edit it."""
        shown = [one for one in self._shown(device, self.space, MessagePosted.kind) if one.core.dev != device.dev]
        authors = {one.dev: one for one in self.devices}
        for target in reversed(shown):
            author = authors[target.core.dev]
            if author.may_write and target.id in author.known.get(self.space, {}):
                last = max(one.core.ds for one in self._all(device) if one.core.dev == author.dev)
                device.write(self.space, MessageWithdrawn(message=target.id, by="moderator"), [target.id])
                device.write(self.space, MemberRemoved(account=author.account, cuts={author.dev: last}))
                author.write(self.space, MessageEdited(message=target.id, text=self._text(author)), [target.id])
                return True
        return False

    def _leave(self, device: Device) -> Item | None:
        if device is self.devices[0]:
            return None
        number = device.chain.get(self.space, (0, None))[0] + 1
        return device.write(self.space, MemberRemoved(account=device.account, cuts={device.dev: number}))

    def _invite(self, device: Device, role: str = "member") -> Item:
        key = DeviceKey(sha256(self.chance.randbytes(8)).digest())
        event = InvitationMade(
            key=b64(key.public.raw), role=role, expires_at=None, uses_max=None, note="",  # type: ignore[arg-type]
        )  # fmt: skip
        item = device.write(self.space, event)
        self.links.append((item.id, key))
        return item

    def _join(self, device: Device) -> Item | None:
        known = device.known[self.space]
        links = [link for link in self.links if link[0] in known and known[link[0]].state == 0]
        if not links:
            return None
        return self.join(device, self.chance.choice(links[-3:]))

    def join(self, device: Device, link: tuple[CoreId, DeviceKey]) -> Item:
        """Become a member by an invitation."""
        invitation, key = link
        proof = b64(key.sign(join_message(self.space, device.account)))
        event = MemberJoined(account=device.account, invitation=invitation, proof=proof, parent_heads=())
        return device.write(self.space, event)

    def _role(self, device: Device) -> Item:
        other = self.chance.choice(self.devices)
        event = RoleChanged(account=other.account, role=self.chance.choice(ROLES))  # type: ignore[arg-type]
        return device.write(self.space, event)

    def _archive(self, device: Device) -> Item:
        return device.write(self.space, SpaceArchived(archived=self.chance.random() < 0.3))

    def _direct(self, device: Device) -> Item | None:
        other = self.chance.choice([one for one in self.devices if one is not device])
        people = sorted([device.account, other.account])
        space = direct_space(people)
        if device.chain.get(space) is None and not device.known.get(space):
            return device.write(space, DirectOpened(people=tuple(people)))
        return self._post(device, space)

    def _message(self, device: Device, own: bool = False) -> Known | None:
        shown = self._shown(device, self.space, MessagePosted.kind)
        shown = [one for one in shown if one.core.dev == device.dev] if own else shown
        return self.chance.choice(shown[-8:]) if shown else None

    def _shown(self, device: Device, space: SpaceId, kind: str) -> list[Known]:
        return [one for one in device.known.get(space, {}).values() if one.core.k == kind and one.state == 0]

    def _all(self, device: Device) -> list[Known]:
        return list(device.known[self.space].values())

    def _text(self, device: Device) -> str:
        """Every text is said once."""
        self.words += 1
        return f"{device.name} {self.words}"

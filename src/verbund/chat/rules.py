"""What may be said where. `may` looks at the authority alone; `admits` at this provider's tables."""

from sqlalchemy import select

from verbund.base.ids import is_hash
from verbund.base.refusal import Refusal, Unknown
from verbund.chat import events, tables
from verbund.log.registry import Event, Fact, Rule, rule
from verbund.log.tx import Reader
from verbund.spaces.authority import ADD_CHANNEL, MODERATE, POST, Authority


class Empty(Refusal):
    """de: Diese Nachricht ist leer. Schreiben Sie etwas oder hängen Sie eine Datei an.
    en: This message is empty. Write something or attach a file."""

    code = "chat.empty"
    status = 422


class Gone(Refusal):
    """de: Diese Nachricht gibt es nicht mehr.
    en: This message no longer exists."""

    code = "chat.gone"
    status = 410


class NotYours(Refusal):
    """de: Ändern kann eine Nachricht nur, wer sie geschrieben hat.
    en: Only the person who wrote a message can change it."""

    code = "chat.foreign_message"
    status = 403


class Unreferenced(Refusal):
    """de: Diese Angabe passt nicht zu der Nachricht, die sie meint. Laden Sie die Seite neu.
    en: This does not match the message it means. Reload the page."""

    code = "chat.unreferenced"
    status = 422


def message_posted(fact: Fact, authority: Authority) -> None:
    event: events.MessagePosted = fact.event
    authority.require(fact.actor, POST)
    if not event.text.strip() and not event.files:
        raise Empty()
    if event.files and any(file.hash not in event.blobs for file in event.files):
        raise Unreferenced()
    if event.mentions and not all(is_hash(account) for account in event.mentions):
        raise Unreferenced()
    _names(fact, event.reply_to, event.channel)


def message_edited(fact: Fact, authority: Authority) -> None:
    event: events.MessageEdited = fact.event
    authority.require(fact.actor, POST)
    if not event.text.strip():
        raise Empty()
    _names(fact, event.message)


def message_withdrawn(fact: Fact, authority: Authority) -> None:
    event: events.MessageWithdrawn = fact.event
    authority.require(fact.actor, POST if event.by == "author" else MODERATE)
    _names(fact, event.message)


def reaction_set(fact: Fact, authority: Authority) -> None:
    event: events.ReactionSet = fact.event
    authority.require(fact.actor, POST)
    _names(fact, event.message)


def channel_opened(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, ADD_CHANNEL)


def channel_renamed(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, ADD_CHANNEL)
    _names(fact, fact.event.channel)


def channel_read(fact: Fact, authority: Authority) -> None:
    authority.require(fact.actor, POST)


def message_is_here(fact: Fact, view: Reader) -> None:
    """The message stands in this space and was not withdrawn."""
    event = fact.event
    c = tables.message.c
    row = view.execute(
        select(c.author, c.withdrawn).where(tables.is_message(event.message), c.space == fact.space)
    ).first()
    if row is None:
        raise Unknown()
    if row.withdrawn and not isinstance(event, events.MessageWithdrawn):
        raise Gone()
    own = not isinstance(event, events.ReactionSet) and getattr(event, "by", "author") == "author"
    if own and row.author != fact.actor:
        raise NotYours()


def channel_is_here(fact: Fact, view: Reader) -> None:
    """The channel belongs to this space."""
    channel = fact.event.channel
    if channel is None:
        return
    c = tables.channel.c
    if view.execute(select(c.id).where(c.id == channel, c.space == fact.space)).first() is None:
        raise Unknown()


def _names(fact: Fact, *targets: str | None) -> None:
    """What a fact is about must be among the references of its core: so every replica has it before it folds this."""
    for target in targets:
        if target and target not in fact.re:
            raise Unreferenced()


RULES: dict[type[Event], Rule] = {
    events.ChannelOpened: rule(channel_opened),
    events.ChannelRenamed: rule(channel_renamed, channel_is_here),
    events.MessagePosted: rule(message_posted, channel_is_here),
    events.MessageEdited: rule(message_edited, message_is_here),
    events.MessageWithdrawn: rule(message_withdrawn, message_is_here),
    events.ReactionSet: rule(reaction_set, message_is_here),
    events.ChannelRead: rule(channel_read),
}

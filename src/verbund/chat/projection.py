"""Folds of conversation: the only writer of its tables. Every fold commutes with every other of its space."""

import msgspec
from sqlalchemy import delete, select, update

from verbund.base.clock import MS_MAX, ms_of, stamp_of
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.chat import events, tables
from verbund.log import search
from verbund.log import tables as log_tables
from verbund.log.compact import stamped
from verbund.log.core import stamp
from verbund.log.gathered import Into
from verbund.log.registry import Event, Fact, Fold, Gone, Overtaken
from verbund.log.tx import Tx

PROJECTED = tables.PROJECTED
SEARCH_KIND = "message"
SHOWN_DRIFT_MS_MAX = 60_000
#: A tombstone may stand there already.
_MESSAGE = Into(
    tables.message, "position", "space", "channel", "author", "t", "at", "text", "mentions", "files", "reply_to",
    "edit", "edited", "withdrawn", how="once",
)  # fmt: skip


def channel_opened(tx: Tx, fact: Fact) -> None:
    event: events.ChannelOpened = fact.event
    row = {"id": fact.id, "space": fact.space, "title": event.title, "stamp": fact.stamp, "opened": fact.stamp}
    tx.insert_once(tables.channel, row)


def channel_renamed(tx: Tx, fact: Fact) -> None:
    event: events.ChannelRenamed = fact.event
    c = tables.channel.c
    of_channel = (c.id == event.channel, c.space == fact.space, c.stamp < fact.stamp)
    tx.execute(update(tables.channel).where(*of_channel).values(title=event.title, stamp=fact.stamp))


def message_posted(tx: Tx, fact: Fact) -> None:
    event: events.MessagePosted = fact.event
    channel = event.channel or tables.MAIN
    t = shown_at(fact.t, fact.at)
    files = msgspec.json.encode(event.files).decode() if event.files else ""
    number = tx.number
    tx.insert_values(
        _MESSAGE, fact.position, number(fact.space), number(channel), number(fact.actor), stamped(t), fact.at,
        event.text, ",".join(event.mentions), files, event.reply_to, "", 0, 0,
    )  # fmt: skip
    if event.mentions:
        _mention(tx, fact, fact.id, channel, t, event.mentions)
    _index(tx, fact.position, fact.space, t, event.text, [file.name for file in event.files] if event.files else [])


def message_edited(tx: Tx, fact: Fact) -> None:
    event: events.MessageEdited = fact.event
    c, core = tables.message.c, log_tables.core.c
    columns = (c.channel, c.t.label("sent"), c.position, c.files, c.edit, c.withdrawn)
    found = tx.execute(
        select(*columns, core.t.label("written"), core.dev, core.ds)
        .join(log_tables.core, core.position == c.position)
        .where(tables.is_message(event.message), c.space == fact.space, c.author == fact.actor)
    ).first()
    if found is None:
        _note_edit(tx, fact)
        return
    if found.withdrawn:
        tx.erase(fact.id)
        return
    tx.insert_once(tables.edit, {"core": fact.id, "message": event.message, "space": fact.space})
    if (found.edit or stamp(found.written, found.dev, found.ds)) >= fact.stamp:
        return
    values = {"text": event.text, "mentions": ",".join(event.mentions), "edit": fact.stamp, "edited": 1}
    tx.execute(update(tables.message).where(c.position == found.position).values(**values))
    tx.remove(tables.mention, message=event.message)
    _mention(tx, fact, CoreId(event.message), found.channel, found.sent, event.mentions)
    names = [file["name"] for file in msgspec.json.decode(found.files)] if found.files else []
    search.forget(tx, found.position)
    _index(tx, found.position, fact.space, found.sent, event.text, names)


def message_withdrawn(tx: Tx, fact: Fact) -> None:
    """The tombstone follows from the header alone, so it is the same where the body never came."""
    event: events.MessageWithdrawn = fact.event
    target = CoreId(event.message)
    header = tx.header(target)
    if header is None or header.space != fact.space or header.kind != events.MessagePosted.kind:
        return
    author = tx.device(header.dev)
    if author is None or (event.by == "author" and author.actor != fact.actor):
        return
    tombstone = {
        "space": fact.space, "channel": event.channel or tables.MAIN, "author": author.actor,
        "t": shown_at(header.t, header.at), "at": header.at, "position": header.position, "text": "", "mentions": "",
        "files": "", "reply_to": None, "edit": "", "edited": 0, "withdrawn": 1,
    }  # fmt: skip
    tx.upsert(tables.message, tombstone)
    for table in (tables.mention, tables.reaction):
        tx.remove(table, message=target)
    edits = tx.execute(select(tables.edit.c.core).where(tables.edit.c.message == target)).scalars().all()
    tx.remove(tables.edit, message=target)
    search.forget(tx, header.position)
    for core in (target, *edits):
        tx.erase(core)


def forget_words(tx: Tx, space: SpaceId, account: AccountId, gone: list[Gone]) -> None:
    """What somebody wrote is erased as a whole: no tombstones, for where a body never came nothing says which channel.
    What was withdrawn before keeps its own."""
    message, reaction = tables.message.c, tables.reaction.c
    posted = [one for one in gone if one.kind == events.MessagePosted.kind]
    reacted = [one.stamp for one in gone if one.kind == events.ReactionSet.kind]
    if posted:
        places, ids = [one.position for one in posted], [one.id for one in posted]
        edits = tx.execute(select(tables.edit.c.core).where(tables.edit.c.message.in_(ids))).scalars().all()
        for core in edits:
            tx.erase(core)
        tx.execute(delete(tables.message).where(message.position.in_(places), message.withdrawn == 0))
        for table in (tables.mention, tables.reaction, tables.edit):
            tx.execute(delete(table).where(table.c.message.in_(ids)))
        for position in places:
            search.forget(tx, position)
    if reacted:
        mine = (reaction.space == space, reaction.account == account, reaction.stamp.in_(reacted))
        tx.execute(delete(tables.reaction).where(*mine))


def message_overtaken(tx: Tx, fact: Fact) -> bool:
    return _is_withdrawn(tx, fact, fact.id)


def edit_overtaken(tx: Tx, fact: Fact) -> bool:
    if _is_withdrawn(tx, fact, fact.event.message):
        return True
    _note_edit(tx, fact)
    return False


def _is_withdrawn(tx: Tx, fact: Fact, message: str) -> bool:
    c = tables.message.c
    mine = (tables.is_message(message), c.space == fact.space, c.author == fact.actor)
    return tx.execute(select(c.withdrawn).where(*mine)).scalar() == 1


def _note_edit(tx: Tx, fact: Fact) -> None:
    """An edit that is not shown, for it or its message was set aside: a withdrawal takes its body along too."""
    event: events.MessageEdited = fact.event
    header = tx.header(CoreId(event.message))
    author = tx.device(header.dev) if header is not None and header.space == fact.space else None
    if author is not None and author.actor == fact.actor:
        tx.insert_once(tables.edit, {"core": fact.id, "message": event.message, "space": fact.space})


def reaction_set(tx: Tx, fact: Fact) -> None:
    event: events.ReactionSet = fact.event
    c = tables.message.c
    held = tx.execute(select(c.withdrawn).where(tables.is_message(event.message), c.space == fact.space)).scalar()
    if held != 0:
        return
    row = {
        "message": event.message, "account": fact.actor, "emoji": event.emoji, "space": fact.space,
        "on": int(event.on), "stamp": fact.stamp,
    }  # fmt: skip
    tx.upsert(tables.reaction, row, newer="stamp")


def channel_read(tx: Tx, fact: Fact) -> None:
    event: events.ChannelRead = fact.event
    row = {
        "account": fact.actor, "of": event.space, "channel": event.channel or tables.MAIN, "space": fact.space,
        "t": event.read, "id": event.id, "mark": event.read + event.id,
    }  # fmt: skip
    tx.upsert(tables.read_mark, row, newer="mark")


def shown_at(t: str, at: int) -> str:
    """The stamp that orders a message: its own, unless it claims to come from after it was taken in."""
    return min(t, stamp_of(min(at + SHOWN_DRIFT_MS_MAX, MS_MAX)))


def _mention(tx: Tx, fact: Fact, message: CoreId, channel: str, t: str, accounts: tuple[str, ...]) -> None:
    for account in dict.fromkeys(accounts):
        row = {"account": account, "message": message, "space": fact.space, "channel": channel, "t": t}
        tx.insert_once(tables.mention, row)


def _index(tx: Tx, position: int, space: SpaceId, t: str, text: str, names: list[str]) -> None:
    search.index(tx, position, space, SEARCH_KIND, ms_of(t), " ".join([text, *names]))


FOLDS: dict[type[Event], Fold] = {
    events.ChannelOpened: channel_opened,
    events.ChannelRenamed: channel_renamed,
    events.MessagePosted: message_posted,
    events.MessageEdited: message_edited,
    events.MessageWithdrawn: message_withdrawn,
    events.ReactionSet: reaction_set,
    events.ChannelRead: channel_read,
}

#: What a withdrawal takes along though it is not shown.
OVERTAKEN: dict[type[Event], Overtaken] = {
    events.MessagePosted: message_overtaken,
    events.MessageEdited: edit_overtaken,
}

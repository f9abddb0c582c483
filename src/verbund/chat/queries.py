"""Reads of conversation: space first, then viewer. Never writes."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, func, or_, select

from verbund.base.clock import ms_of
from verbund.base.ids import AccountId, CoreId, SpaceId
from verbund.chat.schemas import BeyondShape, ChannelShape, FileShape, HitShape, MessageShape, ReactionShape
from verbund.chat.tables import MAIN, channel, is_message, mention, message, reaction, read_mark
from verbund.log import newer, search
from verbund.log import tables as log_tables
from verbund.log.core import stamp

MESSAGES_PAGE_MAX = 100
CHANNELS_MAX = 200
UNREAD_SHOWN_MAX = 99
_files = msgspec.json.Decoder(list[FileShape])
_core = log_tables.core.c
#: Messages with what their cores say of them.
_messages = select(message, _core.id, _core.t.label("written"), _core.dev, _core.ds).join(
    log_tables.core, _core.position == message.c.position
)
#: Built once: when a provider dies, these are asked for everybody who comes, and building one takes longer than asking.
_within = (message.c.space == bindparam("space"), message.c.channel == bindparam("of"))
_NEWEST = _messages.where(*_within).order_by(message.c.t.desc(), _core.id.desc()).limit(bindparam("count"))
_UNREAD = select(message.c.position).where(
    *_within, message.c.author != bindparam("viewer"), message.c.withdrawn == 0
)  # fmt: skip
_UNREAD_SINCE = _UNREAD.join(log_tables.core, _core.position == message.c.position).where(
    or_(message.c.t > bindparam("t"), and_(message.c.t == bindparam("t"), _core.id > bindparam("id")))
)
_NAMED = select(mention.c.message).where(
    mention.c.account == bindparam("viewer"), mention.c.space == bindparam("space"),
    mention.c.channel == bindparam("of"), mention.c.t > bindparam("t"),
)  # fmt: skip
_counted, _counted_since, _counted_named = (
    select(func.count()).select_from(one.limit(UNREAD_SHOWN_MAX + 1).subquery())
    for one in (_UNREAD, _UNREAD_SINCE, _NAMED)
)
_LAST = select(message.c.t).where(*_within).order_by(message.c.t.desc()).limit(1)
_TITLES = (
    select(channel.c.space, channel.c.id, channel.c.title)
    .where(channel.c.space.in_(bindparam("spaces", expanding=True)))
    .order_by(channel.c.opened)
    .limit(bindparam("count"))
)
_MARKS = select(read_mark).where(read_mark.c.account == bindparam("viewer"))
_REACTIONS = (
    select(reaction.c.message, reaction.c.emoji, reaction.c.account)
    .where(reaction.c.message.in_(bindparam("ids", expanding=True)), reaction.c.on == 1)
    .order_by(reaction.c.stamp)
)


def messages(
    connection: Connection, space: SpaceId, of: str, before: str | None, after: str | None, limit: int
) -> tuple[list[MessageShape], bool]:
    """(messages in order, whether there are more that way). `before`, `after`: order keys t + id, exclusive."""
    c = message.c
    limit = max(1, min(limit, MESSAGES_PAGE_MAX))
    if before is None and after is None:
        rows = connection.execute(_NEWEST, {"space": space, "of": of, "count": limit + 1}).all()
        return _shapes(connection, rows[:limit][::-1]), len(rows) > limit
    query = _messages.where(c.space == space, c.channel == of).limit(limit + 1)
    if after is not None:
        query = query.where(_beyond(after, newer=True)).order_by(c.t, _core.id)
    else:
        query = query.order_by(c.t.desc(), _core.id.desc())
        if before is not None:
            query = query.where(_beyond(before, newer=False))
    rows = connection.execute(query).all()
    page = rows[:limit] if after is not None else rows[:limit][::-1]
    return _shapes(connection, page), len(rows) > limit


def around(
    connection: Connection, space: SpaceId, of: str, target: CoreId, limit: int
) -> tuple[list[MessageShape], bool, bool] | None:
    """(messages about a target, more before, more after); None where there is no such message."""
    c = message.c
    row = connection.execute(_messages.where(c.space == space, c.channel == of, is_message(target))).first()
    if row is None:
        return None
    key = row._mapping["t"] + row.id
    older, more_before = messages(connection, space, of, key, None, limit // 2)
    one = _shapes(connection, [row])
    newer, more_after = messages(connection, space, of, None, key, limit // 2)
    return [*older, *one, *newer], more_before, more_after


def beyond(connection: Connection, space: SpaceId, of: str) -> list[BeyondShape]:
    """What only a newer release can show of a channel; what names none that is here stands in the main one."""
    told = newer.told(connection, space)
    if not told:
        return []
    c = channel.c
    here = set(
        connection.execute(select(c.id).where(c.space == space, c.id.in_({one for _, one, _ in told}))).scalars()
    )
    return [BeyondShape(core, t) for core, named, t in told if (named if named in here else MAIN) == of]


def channels(
    connection: Connection, spaces: Collection[SpaceId], viewer: AccountId
) -> dict[SpaceId, list[ChannelShape]]:
    """space → its channels, the main one first, with the viewer's unread and mentions."""
    wanted = {"spaces": list(spaces), "count": CHANNELS_MAX * max(1, len(spaces))}
    titles = connection.execute(_TITLES, wanted).all()
    marks = {(row.of, row.channel): row.mark for row in connection.execute(_MARKS, {"viewer": viewer})}
    found: dict[SpaceId, list[ChannelShape]] = {
        space: [_channel(connection, space, MAIN, "", viewer, marks)] for space in spaces
    }
    for row in titles:
        found[row.space].append(_channel(connection, row.space, row.id, row.title, viewer, marks))
    return found


def found(connection: Connection, query: str, spaces: Collection[SpaceId], limit: int) -> list[HitShape]:
    """Messages of these spaces that have the words."""
    hits = search.find(connection, query, spaces, limit, ("message",))
    rows = {
        row.id: row
        for row in connection.execute(_messages.where(is_message(*[hit.id for hit in hits])))
        if row.withdrawn == 0
    }
    return [
        HitShape(hit.id, hit.space, hit.kind, hit.at, row.channel or None, row.author, row.text)
        for hit in hits
        if (row := rows.get(hit.id)) is not None
    ]


def _channel(
    connection: Connection, space: SpaceId, of: str, title: str, viewer: AccountId, marks: dict[Any, str]
) -> ChannelShape:
    mark = marks.get((space, of), "")
    place = {"space": space, "of": of}
    last = connection.execute(_LAST, place).scalar()
    if last is None:  # nothing was said here
        return ChannelShape(CoreId(of) if of else None, title, 0, 0, None, mark)
    asked = {**place, "viewer": viewer, "t": mark[:16]}
    unread = (
        connection.execute(_counted_since, {**asked, "id": mark[16:]}) if mark else connection.execute(_counted, asked)
    ).scalar()
    named = connection.execute(_counted_named, asked).scalar()
    return ChannelShape(CoreId(of) if of else None, title, unread or 0, named or 0, ms_of(last), mark)


def _beyond(key: str, newer: bool) -> Any:
    t, identifier, c = key[:16], key[16:], message.c
    if newer:
        return or_(c.t > t, and_(c.t == t, _core.id > identifier))
    return or_(c.t < t, and_(c.t == t, _core.id < identifier))


def _shapes(connection: Connection, rows: Sequence[Any]) -> list[MessageShape]:
    ids = [row.id for row in rows]
    reactions: dict[str, dict[str, list[AccountId]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(_REACTIONS, {"ids": ids}) if ids else ():
        reactions[row.message][row.emoji].append(row.account)
    return [_shape(row, reactions.get(row.id, {})) for row in rows]


def _shape(row: Any, reactions: dict[str, list[AccountId]]) -> MessageShape:
    own = "" if row.withdrawn else stamp(row.written, row.dev, row.ds)
    return MessageShape(
        row.id, row.channel or None, row.author, row._mapping["t"], row.at, row.text, row.edit or own,
        bool(row.edited), bool(row.withdrawn), [AccountId(one) for one in row.mentions.split(",") if one],
        _files.decode(row.files) if row.files else [], row.reply_to,
        [ReactionShape(emoji, accounts) for emoji, accounts in reactions.items()],
    )  # fmt: skip

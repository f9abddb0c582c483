"""Facts that come ahead of their place: a new replica shows the newest long before it has all that came before.

They get a place in this provider's own sub-log, as everything that it takes in itself; so vectors stay true, and others
get them as ever. They count like any other once the authority that they had seen and all that they refer to are here.
Only for what their device wrote before nobody waits: such a core is *loose*, folded and waiting at once. When that
comes, it is judged once more; where the verdict is another, the space is folded again.
"""

from typing import TYPE_CHECKING, Any

from verbund.base.ids import CoreId
from verbund.log import waiting
from verbund.log.core import Parsed, check_signature, parse
from verbund.log.entry import QUARANTINED, SETTLED, VOID, WAITING, Entry
from verbund.log.judge import Hold, Take, before, state_of
from verbund.log.stored import stored_parcel
from verbund.log.tx import Tx

if TYPE_CHECKING:
    from verbund.log.log import Log


def take(log: "Log", tx: Tx, entry: Entry, examined: Parsed | None = None) -> bool:
    """Take in what stands at another provider; of its entry only the parcel, the time and `x` are looked at.

    False when something is missing that even a loose core has to wait for: then nothing is kept. Idempotent.
    Raises WrongSignature and what else is wrong in itself.
    """
    parsed = parse(entry.parcel) if examined is None else examined
    state, is_void = state_of(parsed, tx), entry.x == VOID
    if state in (SETTLED, WAITING, QUARANTINED) or (state == VOID and is_void):
        return True
    device = tx.device(parsed.core.dev)
    if device is None:
        return False
    check_signature(parsed, device.key)
    tx.early.add(parsed.id)
    try:
        if not is_void and isinstance(log.judge.accept(parsed, tx, entry.at), Hold):
            return False
        last = before(parsed, tx)
        log.take_over(tx, parsed, log.own_place(tx, parsed, is_void, entry.at))
    finally:
        tx.early.discard(parsed.id)
    if not is_void and last is not None and tx.state(last) in (None, WAITING):
        waiting.note(tx, parsed, [last])
    return True


def look_again(log: "Log", tx: Tx, core: CoreId, row: Any) -> None:
    """What the device of a loose core wrote before it is here: it is judged as any other. `row`: as it is kept."""
    parsed = parse(stored_parcel(row))
    if parsed.data is None:  # erased since
        return
    verdict = log.judge_again(tx, parsed, row.at)
    tx.cache.states[core] = row.state
    if isinstance(verdict, Hold):
        waiting.note(tx, parsed, verdict.missing)
    elif (SETTLED if isinstance(verdict, Take) else QUARANTINED) != row.state:
        tx.disturbed.add(parsed.space)

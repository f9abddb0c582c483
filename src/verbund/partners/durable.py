"""What is safe: how far enough providers have a space, every named blob included. Pure."""

from collections.abc import Mapping

from verbund.base.ids import ProviderId, SpaceId
from verbund.log.entry import Vector
from verbund.partners.here import Here
from verbund.partners.peer import Peer

#: At so many providers a fact is safe, where the space has as many.
REPLICAS_MIN = 2


def durable(space: SpaceId, here: Here, peers: Mapping[ProviderId, Peer]) -> Vector:
    """Sub-log → the last seq that this provider and enough others have whole."""
    holders = [peers[one] for one in here.others(space) if one in peers]
    needed = min(REPLICAS_MIN, 1 + len(here.others(space))) - 1
    return {
        sub: seq
        for sub, mark in here.reach.get(space, {}).items()
        if (seq := _reached(mark.blobs, sorted((peer.blobs(space, sub) for peer in holders), reverse=True), needed)) > 0
    }


def _reached(own: int, others: list[int], needed: int) -> int:
    if needed == 0:
        return own
    return min(own, others[needed - 1]) if len(others) >= needed else 0

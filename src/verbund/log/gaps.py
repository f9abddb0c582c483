"""Numbers of devices that are known not to be here, though greater ones are: nothing has to be looked for under them.

A memory only, exact for what it says; where it was forgotten one has to look.
"""

from verbund.base.ids import DeviceId, SpaceId

GAPS_MAX = 256
_KEY = "gaps"
Key = tuple[SpaceId, DeviceId]


class Gaps(dict[Key, list[tuple[int, int]]]):
    """(space, device) → pairs of numbers between which nothing is here."""

    def has(self, key: Key, ds: int) -> bool:
        """Whether nothing with this number is here, as far as this knows."""
        return any(low < ds < high for low, high in self.get(key, ()))

    def kept(self, key: Key, ds: int, last: int) -> None:
        """A core with this number is here now; `last`: the device's greatest before."""
        if ds > last:
            if ds > last + 1:
                self.setdefault(key, []).append((last, ds))
            return
        gaps = self.get(key)
        if not gaps:
            return
        for at, (low, high) in enumerate(gaps):
            if low < ds < high:
                gaps[at : at + 1] = [one for one in ((low, ds), (ds, high)) if one[1] > one[0] + 1]
                break
        if not gaps or len(gaps) > GAPS_MAX:
            del self[key]

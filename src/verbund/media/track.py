"""One rendition or sound track on disk: its initialisation segment, its segments, its playlist.

Invariant: a segment is on disk, whole, before its playlist names it; the names are never used for other bytes.
"""

from pathlib import Path

from verbund.media.boxes import BadBoxes, Fragment, Init, fragment_of, init_of
from verbund.media.playlists import SEGMENTS_MAX, durations_in, is_complete, media_playlist
from verbund.media.source import TooLarge

INIT = "init.mp4"
PLAYLIST = "index.m3u8"


class InitChanged(Exception):
    """Another version of ffmpeg, or another machine, writes another head: what is there cannot be continued."""


class Track:
    """Grows by fragments; opened again, it goes on where the playlist ends."""

    def __init__(self, folder: Path, target_s: int) -> None:
        self.folder = folder
        self.target_s = target_s
        self.durations_ms: list[int] = []
        self.bytes = 0
        self.peak_bps = 0
        self.complete = False
        self.init: Init | None = None
        self._read_back()

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def length_ms(self) -> int:
        return sum(self.durations_ms)

    @property
    def mean_bps(self) -> int:
        return self.bytes * 8000 // max(1, self.length_ms)

    def begin(self, init: Init) -> None:
        """Take the head of a run. Raises InitChanged when what is there has another."""
        if self.init is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder / INIT, init.data)
            self.init = init
        elif self.init.data != init.data:
            raise InitChanged(self.name)

    def add(self, number: int, fragment: Fragment) -> bool:
        """Publish a segment; False when it is there already. Raises TooLarge beyond SEGMENTS_MAX."""
        if number < len(self.durations_ms):
            return False
        if number >= SEGMENTS_MAX or self.init is None:
            raise TooLarge
        write_whole(self.path(number), fragment.data)
        self._count(len(fragment.data), round(fragment.duration * 1000 / self.init.timescale))
        self._write_playlist()
        return True

    def finish(self) -> None:
        self.complete = True
        self._write_playlist()

    def clear(self) -> None:
        """Forget everything: the next run begins anew."""
        for file in sorted(self.folder.glob("*")):
            file.unlink()
        self.durations_ms, self.bytes, self.peak_bps, self.complete, self.init = [], 0, 0, False, None

    def path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.m4s"

    def files(self) -> list[Path]:
        """Head and segments in the order of playing."""
        return [self.folder / INIT, *(self.path(number) for number in range(len(self.durations_ms)))]

    def _read_back(self) -> None:
        try:
            text = (self.folder / PLAYLIST).read_text("ascii")
            self.init = init_of((self.folder / INIT).read_bytes())
        except OSError:
            return
        for number, duration in enumerate(durations_in(text)):
            if not self._whole(number):
                break
            self._count(self.path(number).stat().st_size, duration)
        self.complete = is_complete(text) and len(self.durations_ms) == len(durations_in(text))

    def _whole(self, number: int) -> bool:
        """A power cut can leave a name without its bytes."""
        try:
            fragment_of(self.path(number).read_bytes())
        except (OSError, BadBoxes):
            return False
        return True

    def _count(self, size: int, duration_ms: int) -> None:
        self.durations_ms.append(duration_ms)
        self.bytes += size
        self.peak_bps = max(self.peak_bps, size * 8000 // max(1, duration_ms))

    def _write_playlist(self) -> None:
        text = media_playlist(self.durations_ms, self.target_s, self.complete)
        write_whole(self.folder / PLAYLIST, text.encode("ascii"))


def write_whole(path: Path, data: bytes) -> None:
    """A file appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)

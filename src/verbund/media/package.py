"""Carries a plan out: from a source to a folder that a browser can play, published as it grows.

Everything can be stopped at any moment, by `stop` or by `kill -9`; the next `prepare` goes on at the next missing
segment. Blocking: for a thread.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock

import msgspec

from verbund.base.ids import b64
from verbund.media import ffmpeg, recipes
from verbund.media.boxes import BoxStream, Init
from verbund.media.pictures import make_poster, make_tiles
from verbund.media.plan import COPY_TARGET_S, QUICK_SEGMENTS, SEGMENT_S, Plan, Rung
from verbund.media.playlists import Alternative, Variant, master_playlist, subtitle_playlist
from verbund.media.source import Truncated
from verbund.media.track import PLAYLIST, InitChanged, Track, write_whole

#: Where films lie in the data folder.
FOLDER = "media"
MASTER = "master.m3u8"
MANIFEST = "manifest.json"
#: What somebody waits for, before anything can be watched.
NICE_FIRST = 0
NICE_ASIDE = 15
QUICK_FROM_MS = 8_000
FIRST_PICTURE_S_MAX = 120
WORDS_BYTES_MAX = 4 * 1024 * 1024
FILES_MAX = 200_000
COMPLETE_PERCENT = 100
#: Reordered pictures at the end of a film count late; below this the container's own length is right.
TOLERATED_MS = 1_000
_WASTE_FACTOR = 1.1

Progress = Callable[[int, bool], None]


class Prepared(msgspec.Struct, frozen=True):
    """What came out. `tone` = the poster's mean colour; `manifest` = SHA-256 of the list of all files and theirs."""

    duration_ms: int
    tone: str
    bytes: int
    manifest: str


class Packager:
    """One film on its way. `progress(percent, playable)` is called from the threads that work."""

    def __init__(self, plan: Plan, source: Path, folder: Path, progress: Progress, stop: Event | None = None) -> None:
        self.plan = plan
        self.source = source
        self.folder = folder
        self.stop = stop or Event()
        self._progress = progress
        self._lock = Lock()
        self._first_picture = Event()
        self._told = (-1, False)
        folder.mkdir(parents=True, exist_ok=True)
        self.tracks = {rung.name: Track(folder / rung.name, self._target_s(rung)) for rung in plan.rungs}
        self.sounds = {sound.name: Track(folder / sound.name, SEGMENT_S + 1) for sound in plan.sounds}
        self.words: list[str] = []

    def prepare(self) -> Prepared:
        """Make everything that is missing. Raises ToolFailed, Stopped, Truncated, BadBoxes."""
        self._publish()
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="media") as pool:
            aside = [pool.submit(self._sounds), pool.submit(self._aside)]
            for future in aside:
                future.add_done_callback(self._stop_if_failed)
            try:
                self._pictures()
            except BaseException:
                self.stop.set()
                raise
            tone = self._results(aside)
        if self.plan.rungs:
            lowest = self.plan.rungs[-1]
            make_tiles(self.plan, lowest, self.tracks[lowest.name], self.folder, self.stop)
        self._publish()
        return self._finished(tone)

    def _results(self, aside: list["Future[str]"]) -> str:
        for future in aside:
            future.result()
        return aside[1].result()

    def _stop_if_failed(self, future: "Future[str]") -> None:
        if future.exception() is not None:
            self.stop.set()

    def _pictures(self) -> None:
        copied = self.plan.copied
        if copied is not None and not self.tracks[copied.name].complete:
            self._into(recipes.copy_picture(self.plan), [self.tracks[copied.name]], 0, NICE_FIRST)
        if self.plan.encoded:
            self._ladder()

    def _ladder(self) -> None:
        tracks = [self.tracks[rung.name] for rung in self.plan.encoded]
        if all(track.complete for track in tracks):
            return
        try:
            self._encode(tracks)
        except InitChanged:
            for track in tracks:
                track.clear()
            self._encode(tracks)

    def _encode(self, tracks: list[Track]) -> None:
        """The beginning first and without giving way, unless something else can be watched already; then the rest."""
        threads = os.cpu_count() or 1
        begin = min(len(track.durations_ms) for track in tracks)
        if begin == 0 and self.plan.copied is None and self.plan.duration_ms > QUICK_FROM_MS:
            self._run(recipes.encode_ladder(self.plan, 0, threads, self.plan.gop), tracks, 0, NICE_FIRST)
            begin = QUICK_SEGMENTS
        self._into(recipes.encode_ladder(self.plan, begin, threads), tracks, begin, ffmpeg.NICE)

    def _run(self, args: list[str], tracks: list[Track], begin: int, nice: int) -> None:
        """One run whose outputs become segments of these tracks, from this one on."""
        sinks = [self._sink(track, begin) for track in tracks]
        ffmpeg.run(ffmpeg.Run(args, self.source, sinks, nice=nice), self.stop)

    def _into(self, args: list[str], tracks: list[Track], begin: int, nice: int) -> None:
        """A run to the end of the film: then these tracks are complete."""
        self._run(args, tracks, begin, nice)
        for track in tracks:
            if not track.durations_ms:
                raise ffmpeg.ToolFailed("nothing came out")
            track.finish()
        self._publish()

    def _sink(self, track: Track, begin: int) -> Callable[[bytes], None]:
        stream, number = BoxStream(), begin

        def take(data: bytes) -> None:
            nonlocal number
            for part in stream.feed(data):
                if isinstance(part, Init):
                    track.begin(part)
                    continue
                if track.add(number, part):
                    self._grown(number)
                number += 1

        return take

    def _sounds(self) -> str:
        for sound in self.plan.sounds:
            track = self.sounds[sound.name]
            if track.complete:
                continue
            try:
                self._into(recipes.encode_sound(sound), [track], 0, NICE_ASIDE)
            except InitChanged:
                track.clear()
                self._into(recipes.encode_sound(sound), [track], 0, NICE_ASIDE)
        return ""

    def _aside(self) -> str:
        """Poster and subtitles, once the beginning can be watched."""
        if self.plan.rungs:
            self._first_picture.wait(FIRST_PICTURE_S_MAX)
        tone = make_poster(self.plan, self.source, self.folder, self.stop)
        for words in self.plan.words:
            found = bytearray()
            try:
                job = ffmpeg.Run(recipes.extract_words(words), self.source, [found.extend], nice=NICE_ASIDE)
                ffmpeg.run(job, self.stop)
            except ffmpeg.ToolFailed:
                continue
            if b"-->" in found and len(found) <= WORDS_BYTES_MAX:
                write_whole(self.folder / f"{words.name}.vtt", bytes(found))
                text = subtitle_playlist(self.plan.duration_ms, f"{words.name}.vtt")
                write_whole(self.folder / f"{words.name}.m3u8", text.encode())
                self.words.append(words.name)
        return tone

    def _grown(self, number: int) -> None:
        self._first_picture.set()
        if number == 0:
            self._publish()
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            state = (self._percent(), (self.folder / MASTER).exists())
            if state != self._told:
                self._told = state
                self._progress(*state)

    def _percent(self) -> int:
        """Of the encoded pictures, which take nearly all of the time; never 100 before everything is there."""
        encoded = [self.tracks[rung.name] for rung in self.plan.encoded]
        tracks = encoded or [*self.tracks.values(), *self.sounds.values()]
        done = min((track.length_ms for track in tracks), default=0)
        return min(COMPLETE_PERCENT - 1, done * 100 // max(1, self.plan.duration_ms))

    def _publish(self) -> None:
        """Write the multivariant playlist for what can be played from beginning to end of what there is."""
        with self._lock:
            rungs = self._playable_rungs()
            if not all(track.durations_ms for track in self.sounds.values()):
                return
            if self.plan.rungs and not rungs:
                return
            text = master_playlist(self._variants(rungs), self._alternatives(bool(rungs)))
            if not self.plan.rungs and not self.plan.sounds:
                return
            write_whole(self.folder / MASTER, text.encode())
        self._tell()

    def _playable_rungs(self) -> list[Rung]:
        """Copied and encoded renditions grow apart: a player is not sent from what is there to what is not."""
        begun = [rung for rung in self.plan.rungs if self.tracks[rung.name].durations_ms]
        if self.plan.copied and not all(self.tracks[rung.name].complete for rung in self.plan.encoded):
            return [rung for rung in begun if rung.copied]
        return begun if len(begun) == len(self.plan.rungs) else []

    def _variants(self, rungs: list[Rung]) -> list[Variant]:
        sound = next(iter(self.sounds.values()), None)
        sound_codec = [sound.init.codec] if sound is not None and sound.init is not None else []
        if not rungs and sound is not None:
            return [Variant(sound.name, f"{sound.name}/{PLAYLIST}", sound_codec[0], sound.peak_bps, sound.mean_bps)]
        extra = sound.peak_bps if sound is not None else 0
        return [self._variant(rung, sound_codec, extra) for rung in rungs]

    def _variant(self, rung: Rung, sound_codec: list[str], extra: int) -> Variant:
        track = self.tracks[rung.name]
        peak, mean = track.peak_bps, track.mean_bps
        if not track.complete:
            peak = max(peak, round(rung.kbps * 1000 * _WASTE_FACTOR))
            mean = max(mean, rung.kbps * 700)
        codec = track.init.codec if track.init else ""
        fps = self.plan.rate[0] * 1000 // self.plan.rate[1]
        uri = f"{rung.name}/{PLAYLIST}"
        return Variant(
            rung.name, uri, ",".join([codec, *sound_codec]), peak + extra, mean + extra, rung.width, rung.height, fps
        )

    def _alternatives(self, pictures: bool) -> list[Alternative]:
        if not pictures:
            return []
        found = [
            Alternative("AUDIO", one.name, f"{one.name}/{PLAYLIST}", one.label, one.language, number == 0, 2)
            for number, one in enumerate(self.plan.sounds)
        ]
        found += [
            Alternative("SUBTITLES", one.name, f"{one.name}.m3u8", one.label, one.language, False)
            for one in self.plan.words
            if one.name in self.words
        ]
        return found

    def _finished(self, tone: str) -> Prepared:
        length = max((track.length_ms for track in (*self.tracks.values(), *self.sounds.values())), default=0)
        if length * 10 < min(self.plan.duration_ms, 600_000):
            raise Truncated
        files = sorted(file for file in self.folder.rglob("*") if file.is_file() and file.name != MANIFEST)[:FILES_MAX]
        listed = []
        total = 0
        for file in files:
            data = file.read_bytes()
            total += len(data)
            listed.append([str(file.relative_to(self.folder)), len(data), b64(sha256(data).digest())])
        text = msgspec.json.encode(listed)
        write_whole(self.folder / MANIFEST, text)
        told = self.plan.duration_ms
        duration = told if abs(length - told) <= TOLERATED_MS else length
        return Prepared(duration, tone, total, b64(sha256(text).digest()))

    def _target_s(self, rung: Rung) -> int:
        return COPY_TARGET_S if rung.copied else SEGMENT_S + 1

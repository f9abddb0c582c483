"""What a file holds, read from ffprobe's answer and from its outermost boxes. Pure, but for `is_boxes`, which reads.

Raises a refusal with a reason for what cannot become a film.
"""

import struct
from math import gcd
from pathlib import Path
from typing import Any

import msgspec

from verbund.base.refusal import Refusal

DURATION_MS_MAX = 12 * 3600 * 1000
SIDE_MAX = 8192
TRACKS_MAX = 32
BOXES_MAX = 100_000
EDITED_PACKETS = 50


class NotAFilm(Refusal):
    """de: Diese Datei ist kein Film und keine Tonaufnahme, auch wenn ihr Name so aussieht. Bitte wählen Sie eine
    andere Datei.
    en: This file is neither a film nor a sound recording, even if its name looks like one. Please choose another
    file."""

    code = "media.not_a_film"
    status = 422


class Truncated(Refusal):
    """de: Die Datei ist unvollständig, ihr Ende fehlt. Kopieren oder exportieren Sie sie neu und laden Sie sie
    noch einmal hoch.
    en: The file is incomplete, its end is missing. Copy or export it again and upload it once more."""

    code = "media.truncated"
    status = 422


class NothingInside(Refusal):
    """de: In dieser Datei sind weder Bild noch Ton. Prüfen Sie, ob die Aufnahme gelungen ist.
    en: There is neither picture nor sound in this file. Please check whether the recording worked."""

    code = "media.empty"
    status = 422


class TooLarge(Refusal):
    """de: Dieser Film ist zu groß oder zu lang: höchstens 8192 Bildpunkte je Seite und zwölf Stunden sind möglich.
    en: This film is too large or too long: at most 8192 pixels a side and twelve hours are possible."""

    code = "media.too_large"
    status = 422


class Video(msgspec.Struct, frozen=True):
    """A picture track. `width` and `height` as stored; `rotation` in degrees clockwise; rates as fractions.

    `late_ms` = how much later than the container its first picture is.
    """

    index: int
    codec: str
    profile: str
    width: int
    height: int
    sar: tuple[int, int]
    rotation: int
    pix_fmt: str
    rate: tuple[int, int]
    mean_rate: tuple[int, int]
    transfer: str
    interlaced: bool
    kbps: int
    late_ms: int = 0

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height in square pixels, upright."""
        width = max(2, round(self.width * self.sar[0] / self.sar[1]))
        return (self.height, width) if self.rotation % 180 else (width, self.height)


class Audio(msgspec.Struct, frozen=True):
    index: int
    codec: str
    profile: str
    channels: int
    rate: int
    language: str
    title: str
    default: bool


class Text(msgspec.Struct, frozen=True):
    index: int
    codec: str
    language: str
    title: str


class Chapter(msgspec.Struct, frozen=True):
    start_ms: int
    title: str


class Source(msgspec.Struct, frozen=True):
    """A readable film. `key_gap_ms` is the longest distance between key frames near its beginning; 0 = not known."""

    duration_ms: int
    container: str
    video: Video | None
    audio: tuple[Audio, ...]
    texts: tuple[Text, ...]
    chapters: tuple[Chapter, ...] = ()
    key_gap_ms: int = 0


def read_source(answer: dict[str, Any]) -> Source:
    """The source that ffprobe described. Raises NothingInside, TooLarge."""
    streams = [one for one in answer.get("streams", []) if isinstance(one, dict)][:TRACKS_MAX]
    form = answer.get("format", {})
    videos = [_video(one, form) for one in streams if one.get("codec_type") == "video" and _has_pictures(one)]
    audio = tuple(_audio(one) for one in streams if one.get("codec_type") == "audio" and _has_sound(one))
    texts = tuple(_text(one) for one in streams if one.get("codec_type") == "subtitle")
    if not videos and not audio:
        raise NothingInside
    video = max(videos, key=lambda one: one.shown[0] * one.shown[1], default=None)
    duration = _duration_ms(streams, form, video)
    if duration > DURATION_MS_MAX or (video and max(video.width, video.height) > SIDE_MAX):
        raise TooLarge
    if duration <= 0:
        raise NothingInside
    return Source(duration, str(form.get("format_name", "")), video, audio, texts, _chapters(answer))


def key_gap_ms(answer: dict[str, Any], until_ms: int) -> int:
    """The longest distance between key frames, from ffprobe's list of packets (pts_time, flags). 0 = not known.

    A film whose edit list begins in the middle counts as not known: its first key frame is not at its beginning.
    """
    packets = answer.get("packets", [])
    if any(str(one.get("pts_time", "")).startswith("-") for one in packets[:EDITED_PACKETS]):
        return 0
    times = [_ms(one.get("pts_time")) for one in packets if "K" in one.get("flags", "")]
    if not times:
        return 0
    steps = [after - before for before, after in zip(sorted(times), [*sorted(times)[1:], until_ms], strict=True)]
    return max(1, *steps)


def is_boxes(path: Path) -> bool:
    """Whether this is an MP4 file. Raises Truncated when its data reach beyond its end or lack an index."""
    size, at, kinds = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        for _ in range(BOXES_MAX):
            file.seek(at)
            head = file.read(16)
            if len(head) < 8:
                break
            length, kind = struct.unpack(">I4s", head[:8])
            if at == 0 and kind not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return False
            kinds.add(kind)
            if length == 1 and len(head) == 16:
                (length,) = struct.unpack(">Q", head[8:])
            elif length == 0:
                length = size - at
            if length < 8:
                break
            at += length
            if at > size and kind in (b"mdat", b"moov"):
                raise Truncated
    if b"mdat" in kinds and b"moov" not in kinds and at >= size:
        raise Truncated
    return bool(kinds)


def _has_pictures(stream: dict[str, Any]) -> bool:
    still = stream.get("disposition", {}).get("attached_pic") or stream.get("codec_name") in ("png", "bmp", "gif")
    known = _known(stream.get("pix_fmt")) and _known(stream.get("codec_name"))
    return bool(known and not still and _number(stream.get("width")) > 1 and _number(stream.get("height")) > 1)


def _has_sound(stream: dict[str, Any]) -> bool:
    return _known(stream.get("codec_name")) and _number(stream.get("channels")) > 0


def _known(name: Any) -> bool:
    return name not in (None, "", "unknown")


def _video(stream: dict[str, Any], form: dict[str, Any]) -> Video:
    kbps = _number(stream.get("bit_rate")) or _number(form.get("bit_rate"))
    return Video(
        index=_number(stream.get("index")),
        codec=str(stream["codec_name"]),
        profile=str(stream.get("profile", "")),
        width=_number(stream.get("width")),
        height=_number(stream.get("height")),
        sar=_ratio(str(stream.get("sample_aspect_ratio", "1:1")).replace(":", "/")) or (1, 1),
        rotation=_rotation(stream),
        pix_fmt=str(stream["pix_fmt"]),
        rate=_ratio(str(stream.get("r_frame_rate", ""))) or (25, 1),
        mean_rate=_ratio(str(stream.get("avg_frame_rate", "")))
        or _ratio(str(stream.get("r_frame_rate", "")))
        or (25, 1),
        transfer=str(stream.get("color_transfer", "")),
        interlaced=stream.get("field_order", "progressive") in ("tt", "bb", "tb", "bt"),
        kbps=kbps // 1000,
        late_ms=abs(_ms(stream.get("start_time")) - _ms(form.get("start_time"))),
    )


def _rotation(stream: dict[str, Any]) -> int:
    for side in stream.get("side_data_list", []):
        if "rotation" in side:
            return -int(side["rotation"]) % 360
    return _number(stream.get("tags", {}).get("rotate")) % 360


def _audio(stream: dict[str, Any]) -> Audio:
    return Audio(
        index=_number(stream.get("index")),
        codec=str(stream["codec_name"]),
        profile=str(stream.get("profile", "")),
        channels=_number(stream.get("channels")),
        rate=_number(stream.get("sample_rate")),
        language=_language(stream),
        title=_title(stream),
        default=bool(stream.get("disposition", {}).get("default")),
    )


def _text(stream: dict[str, Any]) -> Text:
    return Text(_number(stream.get("index")), str(stream.get("codec_name", "")), _language(stream), _title(stream))


def _language(stream: dict[str, Any]) -> str:
    language = str(stream.get("tags", {}).get("language", ""))[:8].lower()
    return "" if language in ("und", "unk", "mis", "zxx") or not language.replace("-", "").isalnum() else language


def _title(stream: dict[str, Any]) -> str:
    return str(stream.get("tags", {}).get("title", ""))[:60]


def _chapters(answer: dict[str, Any]) -> tuple[Chapter, ...]:
    return tuple(
        Chapter(_ms(one.get("start_time")), str(one.get("tags", {}).get("title", ""))[:80])
        for one in answer.get("chapters", [])[:200]
    )


def _duration_ms(streams: list[dict[str, Any]], form: dict[str, Any], video: Video | None) -> int:
    """Of picture and sound; a container also counts subtitles that reach beyond both."""
    told = [_ms(one.get("duration")) for one in streams if one.get("codec_type") in ("video", "audio")]
    if video is not None:
        own = [one for one in streams if one.get("index") == video.index or one.get("codec_type") == "audio"]
        told = [_ms(one.get("duration")) for one in own]
    return max(told, default=0) or _ms(form.get("duration"))


def _ms(seconds: Any) -> int:
    try:
        return max(0, round(float(seconds) * 1000))
    except (TypeError, ValueError, OverflowError):
        return 0


def _number(text: Any) -> int:
    try:
        return int(text)
    except (TypeError, ValueError):
        return 0


def _ratio(text: str) -> tuple[int, int] | None:
    try:
        above, below = (int(part) for part in text.split("/"))
    except ValueError:
        return None
    if above <= 0 or below <= 0:
        return None
    shared = gcd(above, below)
    return above // shared, below // shared

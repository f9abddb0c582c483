"""HLS playlists (RFC 8216bis) as text: written by us, because they must name frame rate, mean rate and pathway.

Pure: values in, text out, and back for what a killed worker left behind.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

SEGMENTS_MAX = 20_000
PATHWAY = "home"
_SEGMENT = re.compile(r"#EXTINF:([0-9.]+),\n([0-9]{5})\.m4s\n")


class Variant(NamedTuple):
    """One rendition as the multivariant playlist lists it. Rates in bits per second, `fps_milli` in 1/1000."""

    name: str
    uri: str
    codecs: str
    peak_bps: int
    mean_bps: int
    width: int = 0
    height: int = 0
    fps_milli: int = 0


class Alternative(NamedTuple):
    """A sound track or subtitles. `sort` is AUDIO or SUBTITLES."""

    sort: str
    name: str
    uri: str
    label: str
    language: str
    chosen: bool
    channels: int = 0


def media_playlist(durations_ms: Sequence[int], target_s: int, complete: bool) -> str:
    """The playlist of one rendition: EVENT while it grows, VOD with an end when it is complete."""
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_s}",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if complete else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0",
        '#EXT-X-MAP:URI="init.mp4"',
    ]
    for number, duration in enumerate(durations_ms[:SEGMENTS_MAX]):
        lines += [f"#EXTINF:{duration / 1000:.3f},", f"{number:05d}.m4s"]
    if complete:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def durations_in(playlist: str) -> list[int]:
    """Segment lengths in milliseconds, read back from a playlist that `media_playlist` wrote."""
    return [round(float(seconds) * 1000) for seconds, _ in _SEGMENT.findall(playlist)]


def is_complete(playlist: str) -> bool:
    return playlist.endswith("#EXT-X-ENDLIST\n")


def subtitle_playlist(duration_ms: int, uri: str) -> str:
    seconds = max(1, -(-duration_ms // 1000))
    return (
        f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{seconds}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{duration_ms / 1000:.3f},\n{uri}\n#EXT-X-ENDLIST\n"
    )


def master_playlist(variants: Sequence[Variant], alternatives: Sequence[Alternative]) -> str:
    """The multivariant playlist. Groups and variants carry the pathway, so that steering can name others later."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-START:TIME-OFFSET=0"]
    lines += [_alternative(one) for one in alternatives]
    sorts = {one.sort for one in alternatives}
    for one in sorted(variants, key=lambda variant: -variant.peak_bps):
        lines += [_variant(one, sorts), one.uri]
    return "\n".join(lines) + "\n"


def _alternative(one: Alternative) -> str:
    fields = [f"TYPE={one.sort}", f'GROUP-ID="{_group(one.sort)}"', f'NAME="{_quoted(one.label)}"']
    if one.language:
        fields.append(f'LANGUAGE="{_quoted(one.language)}"')
    chosen = "YES" if one.chosen else "NO"
    fields += [f"DEFAULT={chosen}", "AUTOSELECT=YES"]
    if one.channels:
        fields.append(f'CHANNELS="{one.channels}"')
    fields += [f'STABLE-RENDITION-ID="{one.name}"', f'URI="{one.uri}"']
    return "#EXT-X-MEDIA:" + ",".join(fields)


def _variant(one: Variant, sorts: set[str]) -> str:
    fields = [f"BANDWIDTH={one.peak_bps}", f"AVERAGE-BANDWIDTH={one.mean_bps}"]
    if one.width:
        fields += [f"RESOLUTION={one.width}x{one.height}", f"FRAME-RATE={one.fps_milli / 1000:.3f}"]
    fields.append(f'CODECS="{one.codecs}"')
    if "AUDIO" in sorts:
        fields.append(f'AUDIO="{_group("AUDIO")}"')
    if "SUBTITLES" in sorts:
        fields.append(f'SUBTITLES="{_group("SUBTITLES")}"')
    fields += [f'PATHWAY-ID="{PATHWAY}"', f'STABLE-VARIANT-ID="{one.name}"']
    return "#EXT-X-STREAM-INF:" + ",".join(fields)


def _group(sort: str) -> str:
    return f"{sort.lower()}-{PATHWAY}"


def _quoted(text: str) -> str:
    return re.sub(r'["\r\n]', " ", text)[:80]

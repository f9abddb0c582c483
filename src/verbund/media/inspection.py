"""Looks at an upload and says what it is, or why it cannot become a film. Blocking: for a thread."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from verbund.media import ffmpeg
from verbund.media.boxes import BadBoxes
from verbund.media.source import NotAFilm, Source, is_boxes, key_gap_ms, read_source

KEY_WINDOW_S = 60


def inspect(path: Path) -> Source:
    """The source in this file. Raises a refusal with the reason, or ToolMissing."""
    boxes = is_boxes(path)
    try:
        source = read_source(_answer(ffmpeg.probe(path)))
    except ffmpeg.ToolFailed as error:
        refusal = BadBoxes() if boxes else NotAFilm()
        raise refusal from error
    if source.video is None or source.video.codec != "h264":
        return source
    return msgspec.structs.replace(source, key_gap_ms=_key_gap(path, source))


@cache
def maps_tones() -> bool:
    """Whether this ffmpeg has the filter that turns HDR into SDR."""
    return ffmpeg.has_filter("zscale")


def _key_gap(path: Path, source: Source) -> int:
    assert source.video is not None
    until_ms = min(KEY_WINDOW_S * 1000, source.duration_ms)
    shown = ["-show_packets", "-show_entries", "packet=pts_time,flags", "-read_intervals", f"%+{KEY_WINDOW_S}"]
    try:
        answer = _answer(ffmpeg.probe(path, ["-select_streams", str(source.video.index), *shown]))
    except ffmpeg.ToolFailed:
        return 0
    return key_gap_ms(answer, until_ms)


def _answer(raw: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise NotAFilm from error
    if not isinstance(answer, dict):
        raise NotAFilm
    return answer

"""Poster and scrub-bar pictures: which frame stands for a film, and where on which sheet a time is shown."""

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event

from PIL import Image, ImageFilter, ImageStat

from verbund.media import ffmpeg, recipes
from verbund.media.plan import Plan, Rung
from verbund.media.track import Track, write_whole

POSTER = "poster.jpg"
SMALL_POSTER = "poster-small.jpg"
SMALL_POSTER_WIDTH = 480
TILES_LIST = "tiles.vtt"
CANDIDATES = (0.08, 0.2, 0.35, 0.5, 0.7)
JPEG_BYTES_MAX = 32 * 1024 * 1024
_JPEG_SEAM = b"\xff\xd9\xff\xd8"


def make_poster(plan: Plan, source: Path, folder: Path, stop: Event) -> str:
    """Write the best of a few frames, large and small. → its mean colour as `#rrggbb`, or "" when there is no frame."""
    if plan.rungs:
        shots = [recipes.poster_frame(plan, plan.duration_ms / 1000 * part) for part in CANDIDATES]
        shots.append(recipes.poster_frame(plan, 0))
    else:
        shots = [recipes.sound_poster(plan.sounds[0])]
    found = [picture for shot in shots if (picture := _shoot(shot, source, stop)) is not None]
    if not found:
        return ""
    best = max(found, key=appeal)
    write_whole(folder / POSTER, _jpeg(best, 84))
    small = best.copy()
    small.thumbnail((SMALL_POSTER_WIDTH, SMALL_POSTER_WIDTH * 2))
    write_whole(folder / SMALL_POSTER, _jpeg(small, 80))
    red, green, blue = (int(value) for value in ImageStat.Stat(small).mean)
    return f"#{red:02x}{green:02x}{blue:02x}"


def appeal(picture: Image.Image) -> float:
    """How well a frame stands for a film: contrast and detail, neither black nor blown out."""
    grey = picture.convert("L").resize((160, 90))
    light = ImageStat.Stat(grey)
    edges = ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES))
    balance = 1 - abs(light.mean[0] - 118) / 137
    return float(light.stddev[0] + edges.mean[0]) * max(0.05, balance)


def make_tiles(plan: Plan, rung: Rung, track: Track, folder: Path, stop: Event) -> None:
    """Write the sheets and the WebVTT list that says which part of which sheet belongs to which seconds."""
    sheets = bytearray()
    job = ffmpeg.Run(recipes.tiles(plan, rung), None, [_bounded(sheets)], feed=_bytes_of(track.files()))
    ffmpeg.run(job, stop)
    for number, sheet in enumerate(_split(bytes(sheets))):
        write_whole(folder / f"tiles-{number}.jpg", sheet)
    length_ms = min(track.length_ms, plan.duration_ms) or plan.duration_ms
    write_whole(folder / TILES_LIST, tiles_list(rung, length_ms, recipes.tile_interval_s(plan.duration_ms)).encode())


def tiles_list(rung: Rung, length_ms: int, interval_s: int) -> str:
    """WebVTT whose cues are media fragments (`tiles-0.jpg#xywh=…`), one for each picture."""
    width, height = recipes.tile_size(rung)
    lines = ["WEBVTT", ""]
    for number in range(max(1, -(-length_ms // (interval_s * 1000)))):
        sheet, place = divmod(number, recipes.TILES_ACROSS * recipes.TILES_DOWN)
        row, column = divmod(place, recipes.TILES_ACROSS)
        begin, end = number * interval_s * 1000, min((number + 1) * interval_s * 1000, max(length_ms, 1))
        lines.append(f"{_clock(begin)} --> {_clock(end)}")
        lines += [f"tiles-{sheet}.jpg#xywh={column * width},{row * height},{width},{height}", ""]
    return "\n".join(lines)


def _shoot(args: list[str], source: Path, stop: Event) -> Image.Image | None:
    data = bytearray()
    try:
        ffmpeg.run(ffmpeg.Run(args, source, [_bounded(data)]), stop)
        with Image.open(io.BytesIO(data)) as picture:
            return picture.convert("RGB")
    except (ffmpeg.ToolFailed, OSError):
        return None


def _bounded(buffer: bytearray) -> Callable[[bytes], None]:
    def take(data: bytes) -> None:
        if len(buffer) + len(data) <= JPEG_BYTES_MAX:
            buffer.extend(data)

    return take


def _bytes_of(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        yield file.read_bytes()


def _split(stream: bytes) -> Iterator[bytes]:
    while (seam := stream.find(_JPEG_SEAM)) >= 0:
        yield stream[: seam + 2]
        stream = stream[seam + 2 :]
    if stream:
        yield stream


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, progressive=True, optimize=True)
    return out.getvalue()


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"

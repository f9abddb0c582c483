"""ffmpeg's arguments for each step of a plan. Pure; `{in}`, `{feed}` and `{out0}` are filled in by the adapter.

The muxer options give pieces that fit together: equal initialisation segments and continuous decode times wherever a
run begins (measured; without `frag_discont` every run would start at zero again).
"""

from verbund.media.plan import AUDIO_KBPS, SEGMENT_S, Plan, Rung, Sound, Words, boundary, first_frame, scaled

POSTER_SIDE = 720
TILE_WIDTH = 160
TILES_ACROSS = 10
TILES_DOWN = 10
TILES_MAX = 300
TILE_S_MIN = 2
KEY_FRAMES_ONLY_FROM_S = 120
SEEK_EARLIER_S = 0.001
_FLAGS = "+dash+cmaf+empty_moov+default_base_moof+frag_discont+negative_cts_offsets"
_KEY_FLAGS = "+frag_keyframe" + _FLAGS
_CLEAN = ("-map_metadata", "-1", "-map_chapters", "-1")
_MUX = (*_CLEAN, "-avoid_negative_ts", "disabled", "-flush_packets", "1", "-f", "mp4")
_SHORT_FRAGMENT_US = "1900000"
_SOUND_FRAGMENT_US = "4000000"


def copy_picture(plan: Plan) -> list[str]:
    """The source's own picture, cut at its key frames."""
    return [
        "{in}",
        *("-map", f"0:{plan.video_index}", "-c:v", "copy", "-movflags", _KEY_FLAGS),
        *("-min_frag_duration", _SHORT_FRAGMENT_US, *_MUX, "{out0}"),
    ]


def encode_ladder(plan: Plan, first_segment: int, threads: int, frames: int = 0) -> list[str]:
    """All encoded rungs in one process, from this segment on; key frames at the same pictures everywhere.

    `frames` = how many pictures at most; 0 = to the end.
    """
    begin = boundary(plan, first_segment)
    seek = ["-ss", f"{float(begin) - SEEK_EARLIER_S:.6f}"] if first_segment else []
    args = [*seek, "{in}", "-filter_complex", ladder_graph(plan)]
    for number, rung in enumerate(plan.encoded):
        args += ["-map", f"[v{number}]", *_x264(plan, rung, first_segment, threads)]
        args += ["-frames:v", str(frames)] if frames else []
        args += ["-movflags", _KEY_FLAGS, "-output_ts_offset", f"{float(begin):.6f}", *_MUX, f"{{out{number}}}"]
    return args


def ladder_graph(plan: Plan) -> str:
    """The filters from the source's picture to `[v0]`, `[v1]` …, one for each encoded rung."""
    rungs = plan.encoded
    steady = f"fps={plan.rate[0]}/{plan.rate[1]}:start_time=0"
    splits = "".join(f"[s{number}]" for number in range(len(rungs)))
    parts = [f"[0:{plan.video_index}]{plan.picture},{steady},split={len(rungs)}{splits}"]
    for number, rung in enumerate(rungs):
        parts.append(f"[s{number}]scale={rung.width}:{rung.height},setsar=1,format=yuv420p[v{number}]")
    return ";".join(parts)


def encode_sound(sound: Sound) -> list[str]:
    """One sound track, whole. The encoder's priming frame takes the place of the first 1024 samples: time 0 stays 0."""
    args = ["{in}", "-map", f"0:{sound.index}"]
    if sound.copied:
        args += ["-c:a", "copy", "-bsf:a", "noise=drop=lt(pts\\,0)"]
    else:
        even = "aresample=48000:async=1:first_pts=0,atrim=start_sample=1024"
        args += ["-af", even, "-ac", "2", "-c:a", "aac", "-b:a", f"{AUDIO_KBPS}k"]
    return [*args, "-frag_duration", _SOUND_FRAGMENT_US, "-movflags", _FLAGS, *_MUX, "{out0}"]


def extract_words(words: Words) -> list[str]:
    """Subtitles as WebVTT."""
    return ["{in}", "-map", f"0:{words.index}", "-c:s", "webvtt", "-f", "webvtt", "{out0}"]


def poster_frame(plan: Plan, at_s: float) -> list[str]:
    """One picture at a time, as JPEG."""
    rung = plan.rungs[0]
    width, height = scaled((rung.width, rung.height), POSTER_SIDE)
    filters = f"{plan.picture},scale={width}:{height},setsar=1"
    return [
        *("-ss", f"{at_s:.3f}", "{in}", "-map", f"0:{plan.video_index}", "-frames:v", "1", "-vf", filters),
        *("-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "{out0}"),
    ]


def sound_poster(sound: Sound) -> list[str]:
    """A picture for a film without one: its own wave on a dark ground."""
    wave = f"[0:{sound.index}]aformat=channel_layouts=mono,showwavespic=s=1040x300:colors=0xD9A05B[w]"
    graph = f"{wave};color=c=0x0B1418:s=1280x720:d=1[c];[c][w]overlay=120:210,format=yuvj420p[o]"
    return [
        *("{in}", "-filter_complex", graph, "-map", "[o]", "-frames:v", "1"),
        *("-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "{out0}"),
    ]


def tile_interval_s(duration_ms: int) -> int:
    """Seconds between two pictures of the scrub bar."""
    from_key_frames = SEGMENT_S if duration_ms >= KEY_FRAMES_ONLY_FROM_S * 1000 else 0
    return max(TILE_S_MIN, -(-duration_ms // 1000 // TILES_MAX), from_key_frames)


def tile_size(rung: Rung) -> tuple[int, int]:
    """Width and height of one picture of the scrub bar."""
    if rung.width >= rung.height:
        return TILE_WIDTH, max(2, round(TILE_WIDTH * rung.height / rung.width / 2) * 2)
    return max(2, round(TILE_WIDTH * rung.width / rung.height / 2) * 2), TILE_WIDTH


def tiles(plan: Plan, rung: Rung) -> list[str]:
    """Sheets of small pictures from a finished rendition; long films by their key frames alone."""
    width, height = tile_size(rung)
    keys = ["-skip_frame", "nokey"] if plan.duration_ms >= KEY_FRAMES_ONLY_FROM_S * 1000 else []
    every = f"fps=1/{tile_interval_s(plan.duration_ms)}:start_time=0:round=up"
    sheet = f"{every},scale={width}:{height},tile={TILES_ACROSS}x{TILES_DOWN}"
    return [*keys, "{feed}", "-an", "-vf", sheet, "-c:v", "mjpeg", "-q:v", "6", "-f", "image2pipe", "{out0}"]


def _x264(plan: Plan, rung: Rung, first_segment: int, threads: int) -> list[str]:
    return [
        *("-c:v", "libx264", "-preset", plan.preset, "-profile:v", "high", "-pix_fmt", "yuv420p"),
        *("-crf", str(plan.crf), "-maxrate", f"{rung.kbps}k", "-bufsize", f"{rung.kbps * 2}k"),
        *("-g", str(plan.gop), "-sc_threshold", "0", "-force_key_frames", _key_frames(plan, first_segment)),
        *("-threads", str(threads)),
    ]


def _key_frames(plan: Plan, first_segment: int) -> str:
    """Where key frames must be, as an expression of `n`, the number of the picture in this run."""
    gop, n = plan.gop, f"(n+{first_frame(plan, first_segment)})"
    return f"expr:if(lt({n},{gop}),eq({n},{gop // 4})+eq({n},{gop // 2}),not(mod({n},{gop})))"

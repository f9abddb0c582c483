"""From what a file holds to what is made of it. Pure: the same source gives the same plan, and so the same folder.

Rungs are chosen by the shorter side, never above the source; an H.264 source that browsers play as it is becomes the
top rendition unchanged, so that it can be watched within seconds.
"""

from fractions import Fraction

import msgspec

from verbund.base.canonical import encode
from verbund.base.ids import digest
from verbund.media.source import Audio, Chapter, Source, Text, Video

PLAN_VERSION = 1
SEGMENT_S = 4
#: These make up one whole segment: a quarter, a quarter, a half.
QUICK_SEGMENTS = 3
RUNG_SIDES = (1080, 720, 480, 360)
RUNG_KBPS = {1080: 5000, 720: 2800, 480: 1400, 360: 800}
LONG_SIDE_MAX = 2560
CRF = 23
PRESET = "veryfast"
LADDER_FPS_MAX = 40
FPS_MIN = 5
NOMINAL_FPS_MAX = 240
VARIABLE_FPS_MIN = 25
STANDARD_RATES = (Fraction(25), Fraction(30000, 1001), Fraction(30))
AUDIO_TRACKS_MAX = 8
TEXT_TRACKS_MAX = 16
AUDIO_KBPS = 128
COPY_KBPS_MAX = 12_000
COPY_KEY_GAP_MS_MAX = 6_000
COPY_TARGET_S = 10
COPY_LATE_MS_MAX = 100
HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
TEXT_CODECS = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})


class Rung(msgspec.Struct, frozen=True):
    """One size. `kbps` is the highest rate allowed; `copied` = the source's own picture, not encoded again."""

    name: str
    width: int
    height: int
    kbps: int
    copied: bool = False


class Sound(msgspec.Struct, frozen=True):
    name: str
    index: int
    language: str
    label: str
    copied: bool


class Words(msgspec.Struct, frozen=True):
    name: str
    index: int
    language: str
    label: str


class Plan(msgspec.Struct, frozen=True):
    """All that is made of a source. `gop` = frames between key frames; `rate` = frames a second as a fraction.

    `picture` are the ffmpeg filters before the sizes are split. An empty `rungs` = only sound.
    """

    source: str
    duration_ms: int
    rungs: tuple[Rung, ...]
    rate: tuple[int, int]
    gop: int
    picture: str
    video_index: int
    sounds: tuple[Sound, ...]
    words: tuple[Words, ...]
    chapters: tuple[Chapter, ...]
    crf: int = CRF
    preset: str = PRESET
    version: int = PLAN_VERSION

    @property
    def copied(self) -> Rung | None:
        return next((rung for rung in self.rungs if rung.copied), None)

    @property
    def encoded(self) -> tuple[Rung, ...]:
        return tuple(rung for rung in self.rungs if not rung.copied)


def plan_of(source: Source, source_hash: str, tone_mapping: bool = True) -> Plan:
    """What is made of a source. `tone_mapping` = this ffmpeg has the zscale filter."""
    video = source.video
    rate = frame_rate(video) if video else Fraction(0)
    return Plan(
        source=source_hash,
        duration_ms=source.duration_ms,
        rungs=_rungs(video, may_copy(source)) if video else (),
        rate=(rate.numerator, rate.denominator),
        gop=gop_of(rate) if video else 0,
        picture=picture_filters(video, tone_mapping) if video else "",
        video_index=video.index if video else -1,
        sounds=tuple(_sound(number, one) for number, one in enumerate(source.audio[:AUDIO_TRACKS_MAX])),
        words=_words(source.texts),
        chapters=source.chapters,
    )


def plan_hash(plan: Plan) -> str:
    """The name of the folder that holds what this plan makes."""
    return digest(b"verbund/media-plan/1\0", encode(msgspec.to_builtins(plan)))


def frame_rate(video: Video) -> Fraction:
    """Frames a second of the encoded renditions: constant, at most LADDER_FPS_MAX.

    A constant rate stays, halved until it fits. A variable one becomes its nominal rate, or the next usual rate
    above its mean, so that no picture is late by more than a frame.
    """
    nominal, mean = Fraction(*video.rate), Fraction(*video.mean_rate)
    if nominal > NOMINAL_FPS_MAX and mean > NOMINAL_FPS_MAX:
        return STANDARD_RATES[-1]
    steady = abs(nominal - mean) * 50 <= nominal
    if steady or VARIABLE_FPS_MIN <= nominal <= LADDER_FPS_MAX:
        rate = nominal
    else:
        rate = next((one for one in STANDARD_RATES if one >= mean), STANDARD_RATES[-1])
    while rate > LADDER_FPS_MAX:
        rate /= 2
    return max(rate, Fraction(FPS_MIN)).limit_denominator(1001)


def _is_steady(video: Video) -> bool:
    nominal, mean = Fraction(*video.rate), Fraction(*video.mean_rate)
    return abs(nominal - mean) * 50 <= nominal


def gop_of(rate: Fraction) -> int:
    """Frames of a whole segment, a multiple of four, so that the first can be cut into a half and two quarters."""
    return max(1, round(rate * SEGMENT_S / 4)) * 4


def boundary(plan: Plan, segment: int) -> Fraction:
    """Where an encoded segment begins, in seconds."""
    return Fraction(first_frame(plan, segment)) / Fraction(*plan.rate)


def first_frame(plan: Plan, segment: int) -> int:
    """The frame that an encoded segment begins with. The first ones are short, so that watching can begin soon."""
    quarter = plan.gop // 4
    short = (0, quarter, 2 * quarter)
    return short[segment] if segment < QUICK_SEGMENTS else (segment - QUICK_SEGMENTS + 1) * plan.gop


def may_copy(source: Source) -> bool:
    """Whether browsers play this source's picture as it is, in segments that are short enough."""
    video = source.video
    if video is None or video.codec != "h264" or video.pix_fmt != "yuv420p" or video.rotation or video.interlaced:
        return False
    if video.late_ms > COPY_LATE_MS_MAX or not (_is_steady(video) or "mp4" in source.container):
        return False
    usual = video.profile in ("High", "Main", "Baseline", "Constrained Baseline")
    square = video.sar[0] == video.sar[1]
    fits = min(video.shown) <= RUNG_SIDES[0] and max(video.shown) <= LONG_SIDE_MAX and 0 < video.kbps <= COPY_KBPS_MAX
    even = video.width % 2 == 0 and video.height % 2 == 0
    return usual and square and fits and even and 0 < source.key_gap_ms <= COPY_KEY_GAP_MS_MAX


def picture_filters(video: Video, tone_mapping: bool) -> str:
    """What happens to every frame before the sizes are split: lines, range, depth. Rotation is applied by ffmpeg."""
    filters = []
    if video.interlaced:
        filters.append("bwdif=mode=send_frame:deint=interlaced")
    if video.transfer in HDR_TRANSFERS and tone_mapping:
        width, height = scaled(video.shown, min(*video.shown, RUNG_SIDES[0]))
        filters.append(f"scale={width}:{height},setsar=1")
        filters.append(
            f"zscale=tin={video.transfer}:pin=bt2020:min=bt2020nc:t=linear:npl=203,format=gbrpf32le,"
            "zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
        )
    filters.append("format=yuv420p")
    return ",".join(filters)


def scaled(shown: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height, even, with this shorter side; narrower when the longer side would grow beyond bounds."""
    short, long = min(shown), max(shown)
    side = min(side, short)
    other = Fraction(long * side, short)
    if other > LONG_SIDE_MAX:
        side, other = max(2, int(Fraction(short * LONG_SIDE_MAX, long))), Fraction(LONG_SIDE_MAX)
    even_side, even_other = _even(Fraction(side)), _even(other)
    return (even_other, even_side) if shown[0] >= shown[1] else (even_side, even_other)


def _rungs(video: Video, copied: bool) -> tuple[Rung, ...]:
    short = min(video.shown)
    top = min(short, RUNG_SIDES[0])
    sides = [top, *(side for side in RUNG_SIDES if side * 100 <= top * 85)]
    rungs = []
    for side in sides:
        width, height = scaled(video.shown, side)
        own = copied and side == top
        kbps = max(video.kbps, 1) if own else _kbps(side)
        rungs.append(Rung(f"{'o' if own else 'v'}{side}", width, height, kbps, own))
    return tuple(rungs)


def _kbps(side: int) -> int:
    near = next((rung for rung in RUNG_SIDES if side >= rung), RUNG_SIDES[-1])
    return RUNG_KBPS[near]


def _sound(number: int, audio: Audio) -> Sound:
    copied = audio.codec == "aac" and audio.profile == "LC" and audio.channels <= 2 and audio.rate in (44100, 48000)
    return Sound(f"a{number}", audio.index, audio.language, _label(audio.title, number), copied)


def _words(texts: tuple[Text, ...]) -> tuple[Words, ...]:
    readable = [one for one in texts if one.codec in TEXT_CODECS][:TEXT_TRACKS_MAX]
    return tuple(
        Words(f"s{number}", one.index, one.language, _label(one.title, number)) for number, one in enumerate(readable)
    )


def _label(title: str, number: int) -> str:
    return title or f"Spur {number + 1}"


def _even(value: Fraction) -> int:
    """The nearest even number that is not above the value's own even neighbour: never larger than the source."""
    return max(2, int(value) // 2 * 2)

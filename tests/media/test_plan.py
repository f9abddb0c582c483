"""What is made of which source: rules that hold for every film."""

import string
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from verbund.media.plan import (
    LADDER_FPS_MAX,
    LONG_SIDE_MAX,
    RUNG_SIDES,
    boundary,
    frame_rate,
    gop_of,
    may_copy,
    picture_filters,
    plan_hash,
    plan_of,
)
from verbund.media.source import Audio, Source, Text, Video

HASH = "A" * 43

rates = st.one_of(
    st.sampled_from(
        [(24, 1), (24000, 1001), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1), (120, 1), (1, 1), (600, 1)]
    ),
    st.tuples(st.integers(1, 100_000), st.integers(1, 1001)),
)
videos = st.builds(
    Video,
    index=st.just(0),
    codec=st.sampled_from(["h264", "hevc", "av1", "vp8", "vp9", "mjpeg", "mpeg4"]),
    profile=st.sampled_from(["High", "Main", "Constrained Baseline", "High 10", "Main 10", ""]),
    width=st.integers(2, 8192),
    height=st.integers(2, 8192),
    sar=st.sampled_from([(1, 1), (4, 3), (16, 11), (10, 11), (1, 2)]),
    rotation=st.sampled_from([0, 90, 180, 270]),
    pix_fmt=st.sampled_from(["yuv420p", "yuvj420p", "yuv420p10le", "yuv444p"]),
    rate=rates,
    mean_rate=rates,
    transfer=st.sampled_from(["", "bt709", "smpte2084", "arib-std-b67"]),
    interlaced=st.booleans(),
    kbps=st.integers(0, 100_000),
    late_ms=st.integers(0, 2_000),
)
words = st.text(string.ascii_letters, max_size=8)
sources = st.builds(
    Source,
    duration_ms=st.integers(1, 12 * 3600 * 1000),
    container=st.just("mov,mp4"),
    video=st.none() | videos,
    audio=st.lists(
        st.builds(
            Audio,
            index=st.integers(1, 9),
            codec=st.sampled_from(["aac", "opus", "ac3"]),
            profile=st.sampled_from(["LC", "HE-AAC"]),
            channels=st.integers(1, 8),
            rate=st.sampled_from([8000, 22050, 44100, 48000]),
            language=words,
            title=words,
            default=st.booleans(),
        ),
        max_size=12,
    ).map(tuple),
    texts=st.lists(
        st.builds(
            Text,
            index=st.integers(1, 40),
            codec=st.sampled_from(["mov_text", "subrip", "hdmv_pgs_subtitle"]),
            language=words,
            title=words,
        ),
        max_size=20,
    ).map(tuple),
    key_gap_ms=st.integers(0, 20_000),
)


@given(sources)
def test_nothing_is_larger_than_its_source_and_every_side_is_even(source: Source) -> None:
    for rung in plan_of(source, HASH).rungs:
        assert source.video is not None
        width, height = source.video.shown
        assert rung.width <= max(2, width)
        assert rung.height <= max(2, height)
        assert rung.width % 2 == 0
        assert rung.height % 2 == 0
        assert min(rung.width, rung.height) <= RUNG_SIDES[0]
        assert max(rung.width, rung.height) <= LONG_SIDE_MAX


@given(sources)
def test_rungs_get_smaller_and_keep_the_shape(source: Source) -> None:
    rungs = plan_of(source, HASH).rungs
    assert [min(rung.width, rung.height) for rung in rungs] == sorted(
        (min(r.width, r.height) for r in rungs), reverse=True
    )
    assert len({rung.name for rung in rungs}) == len(rungs)
    for rung in rungs:
        assert source.video is not None
        width, height = source.video.shown
        if min(rung.width, rung.height) > 100:
            assert abs(Fraction(rung.width, rung.height) / Fraction(width, height) - 1) < Fraction(3, 100)


@given(sources)
def test_every_film_has_something_to_play_and_the_same_plan_again(source: Source) -> None:
    plan = plan_of(source, HASH)
    assert bool(plan.rungs) == (source.video is not None)
    assert len(plan.sounds) == min(8, len(source.audio))
    assert plan_hash(plan) == plan_hash(plan_of(source, HASH))
    assert plan_hash(plan) != plan_hash(plan_of(source, "B" * 43))
    assert all(text.name.startswith("s") for text in plan.words)


@given(videos)
def test_frame_rate_is_steady_and_segments_are_cut_at_whole_frames(video: Video) -> None:
    rate = frame_rate(video)
    assert 1 <= rate <= LADDER_FPS_MAX
    assert rate.denominator <= 1001
    gop = gop_of(rate)
    assert gop % 4 == 0
    plan = plan_of(Source(60_000, "", video, (), ()), HASH)
    for segment in range(6):
        frames = boundary(plan, segment) * Fraction(*plan.rate)
        assert frames.denominator == 1
    assert boundary(plan, 0) == 0
    lengths = [boundary(plan, segment + 1) - boundary(plan, segment) for segment in range(5)]
    assert [length / lengths[0] for length in lengths] == [1, 1, 2, 4, 4]


@given(sources)
def test_only_what_every_browser_plays_is_passed_on_unchanged(source: Source) -> None:
    plan = plan_of(source, HASH)
    assert sum(rung.copied for rung in plan.rungs) <= 1
    if may_copy(source):
        assert source.video is not None
        assert plan.rungs[0].copied
        assert (source.video.codec, source.video.pix_fmt, source.video.rotation) == ("h264", "yuv420p", 0)
        assert (plan.rungs[0].width, plan.rungs[0].height) == (source.video.width, source.video.height)
    for sound, audio in zip(plan.sounds, source.audio, strict=False):
        assert not sound.copied or (audio.codec == "aac" and audio.profile == "LC" and audio.channels <= 2)


def video(**changes: object) -> Video:
    given_fields = {
        "index": 0,
        "codec": "h264",
        "profile": "High",
        "width": 1920,
        "height": 1080,
        "sar": (1, 1),
        "rotation": 0,
        "pix_fmt": "yuv420p",
        "rate": (25, 1),
        "mean_rate": (25, 1),
        "transfer": "bt709",
        "interlaced": False,
        "kbps": 4000,
    }
    return Video(**{**given_fields, **changes})  # type: ignore[arg-type]


def sides(one: Video, gap: int = 2000) -> list[tuple[str, int, int]]:
    plan = plan_of(Source(60_000, "", one, (), (), (), gap), HASH)
    return [(rung.name, rung.width, rung.height) for rung in plan.rungs]


def test_ladders_of_usual_films() -> None:
    assert sides(video()) == [("o1080", 1920, 1080), ("v720", 1280, 720), ("v480", 852, 480), ("v360", 640, 360)]
    assert sides(video(), gap=10_000)[0] == ("v1080", 1920, 1080)
    assert sides(video(codec="hevc", width=3840, height=2160))[0] == ("v1080", 1920, 1080)
    assert sides(video(rotation=90))[0] == ("v1080", 1080, 1920)
    assert sides(video(width=320, height=180)) == [("o180", 320, 180)]
    assert sides(video(width=321, height=181)) == [("v181", 320, 180)]
    assert sides(video(width=720, height=576, sar=(16, 11)))[0] == ("v576", 1046, 576)


def test_rates_of_phones_slides_and_odd_containers() -> None:
    assert frame_rate(video(rate=(30000, 1001), mean_rate=(51600, 1841))) == Fraction(30000, 1001)
    assert frame_rate(video(rate=(60, 1), mean_rate=(60, 1))) == 30
    assert frame_rate(video(rate=(120, 1), mean_rate=(5249, 2633))) == 25
    assert frame_rate(video(rate=(1, 1), mean_rate=(1, 1))) == 5
    assert frame_rate(video(rate=(600, 1), mean_rate=(600, 1))) == 30
    assert frame_rate(video(rate=(90000, 1), mean_rate=(29, 1))) == Fraction(30000, 1001)


def test_filters_for_dark_bright_and_striped_pictures() -> None:
    assert picture_filters(video(), tone_mapping=True) == "format=yuv420p"
    assert "tonemap" in picture_filters(video(transfer="smpte2084"), tone_mapping=True)
    assert "zscale" not in picture_filters(video(transfer="smpte2084"), tone_mapping=False)
    assert picture_filters(video(interlaced=True), tone_mapping=True).startswith("bwdif")

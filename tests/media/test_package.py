"""From films to folders that browsers play, with real ffmpeg: continuous, aligned, complete, resumable."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from tests.media.films import browser_film, foreign_film, joined, look, make, pictures, repeated, sample, sound
from verbund.base.refusal import Refusal
from verbund.media import ffmpeg
from verbund.media.boxes import fragment_of, init_of
from verbund.media.inspection import inspect, maps_tones
from verbund.media.package import Packager, Prepared
from verbund.media.plan import Plan, boundary, plan_of
from verbund.media.playlists import durations_in, is_complete

HASH = "A" * 43
pytestmark = pytest.mark.programs


def prepare(path: Path, folder: Path) -> tuple[Plan, Prepared]:
    plan = plan_of(inspect(path), HASH, maps_tones())
    return plan, Packager(plan, path, folder, lambda percent, playable: None).prepare()


def starts(track: Path) -> list[tuple[float, float]]:
    """(start, length) of every segment in seconds."""
    scale = init_of((track / "init.mp4").read_bytes()).timescale
    found = [fragment_of(path.read_bytes()) for path in sorted(track.glob("*.m4s"))]
    return [(one.start / scale, one.duration / scale) for one in found]


def assert_continuous(track: Path) -> None:
    places = starts(track)
    assert places[0][0] == pytest.approx(0, abs=0.05)
    for (start, length), (following, _) in itertools.pairwise(places):
        assert following == pytest.approx(start + length, abs=0.002)
    text = (track / "index.m3u8").read_text()
    assert is_complete(text)
    assert len(durations_in(text)) == len(places)


def test_encoded_renditions_are_aligned_and_continuous(tmp_path: Path) -> None:
    plan, made = prepare(foreign_film(tmp_path / "film.webm", 14, "1280x720", rate="5"), tmp_path / "out")
    assert [rung.name for rung in plan.rungs] == ["v720", "v480", "v360"]
    tracks = [tmp_path / "out" / rung.name for rung in plan.rungs]
    for track in tracks:
        assert_continuous(track)
    cuts = [[round(start, 3) for start, _ in starts(track)] for track in tracks]
    assert cuts[0] == cuts[1] == cuts[2] == [0, 1, 2, 4, 8, 12]
    assert_continuous(tmp_path / "out" / "a0")
    assert made.duration_ms == pytest.approx(14_000, abs=100)
    whole = joined(tracks[0], tmp_path / "whole.mp4")
    stream = look(whole, "-count_frames", "-show_entries", "stream=nb_read_frames,width,height,profile,pix_fmt")[
        "streams"
    ][0]
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (1280, 720, "yuv420p")
    assert int(stream["nb_read_frames"]) == 14 * 5


def test_picture_and_sound_stay_together(tmp_path: Path) -> None:
    """A flash and a beep at second 5 are at second 5 in what comes out, unchanged or encoded."""
    flash = "color=black:s=320x180:r=25:d=10,drawbox=c=white:t=fill:enable='gte(t,5)*lt(t,5.4)'"
    beep = "sine=frequency=1000:d=10:sample_rate=48000,volume=0:enable='lt(t,5)+gte(t,5.4)'"
    inputs = ["-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep]
    usual = make(tmp_path / "a.mp4", *inputs, "-c:v", "libx264", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac")
    foreign = make(tmp_path / "b.mkv", *inputs, "-c:v", "mpeg4", "-q:v", "3", "-c:a", "libopus")
    for path, rung in ((usual, "o180"), (foreign, "v180")):
        folder = tmp_path / path.stem
        prepare(path, folder)
        seen, heard = folder / "v.mp4", folder / "a.mp4"
        joined(folder / rung, seen)
        joined(folder / "a0", heard)
        light = first_time(["-i", str(seen), "-vf", "blackdetect=d=0.5:pix_th=0.2"], "black_end:")
        loud = first_time(["-i", str(heard), "-af", "silencedetect=n=-30dB:d=0.5"], "silence_end:")
        assert light == pytest.approx(5.0, abs=0.05)
        assert loud == pytest.approx(5.0, abs=0.05)


def first_time(args: list[str], word: str) -> float:
    said = subprocess.run(
        ["ffmpeg", "-hide_banner", *args, "-f", "null", "-"], check=True, capture_output=True, timeout=60
    ).stderr
    return float(said.decode().split(word)[1].split()[0])


def test_usual_film_is_passed_on_unchanged_and_offered_before_the_rest(tmp_path: Path) -> None:
    path = browser_film(tmp_path / "film.mp4", 14, "1280x720", rate=5)
    plan = plan_of(inspect(path), HASH)
    assert plan.copied is not None
    folder, masters = tmp_path / "out", []

    def told(percent: int, playable: bool) -> None:
        if playable:
            masters.append((folder / "master.m3u8").read_text())

    Packager(plan, path, folder, told).prepare()
    assert "o720/index.m3u8" in masters[0]
    assert "v480" not in masters[0]
    assert (folder / "master.m3u8").read_text().count("#EXT-X-STREAM-INF") == 3
    assert_continuous(folder / "o720")
    assert_continuous(folder / "a0")
    before = look(path, "-select_streams", "v", "-show_entries", "packet=size")["packets"]
    after = look(joined(folder / "o720", tmp_path / "whole.mp4"), "-show_entries", "packet=size")["packets"]
    assert [one["size"] for one in after] == [one["size"] for one in before]


def test_ended_at_any_moment_it_goes_on_with_the_next_segment(tmp_path: Path) -> None:
    path = foreign_film(tmp_path / "film.webm", 30, "320x180", rate="10")
    plan = plan_of(inspect(path), HASH)
    folder, track = tmp_path / "out", tmp_path / "out" / "v180"
    for enough in (1, 3):
        stop = threading.Event()

        def told(percent: int, playable: bool, stop: threading.Event = stop, enough: int = enough) -> None:
            if len(list(track.glob("*.m4s"))) >= enough:
                stop.set()

        with pytest.raises(ffmpeg.Stopped):
            Packager(plan, path, folder, told, stop).prepare()
    kept = {one: one.stat().st_mtime_ns for one in track.glob("*.m4s")}
    head = (track / "init.mp4").read_bytes()
    Packager(plan, path, folder, lambda percent, playable: None).prepare()
    assert all(one.stat().st_mtime_ns == at for one, at in kept.items())
    assert (track / "init.mp4").read_bytes() == head
    assert_continuous(track)
    scale = init_of(head).timescale
    for one in sorted(track.glob("*.m4s")):
        assert fragment_of(one.read_bytes()).start / scale == pytest.approx(
            float(boundary(plan, int(one.stem))), abs=0.002
        )
    whole = look(joined(track, tmp_path / "whole.mp4"), "-count_frames", "-show_entries", "stream=nb_read_frames")
    assert int(whole["streams"][0]["nb_read_frames"]) == 30 * 10


def test_program_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    # Long, so that it is surely at work when its parent dies, and only its beginning is ever encoded.
    path = repeated(tmp_path / "film.webm", foreign_film(tmp_path / "piece.webm", 5, "640x360", rate="10"), 60)
    code = (
        "import sys; from pathlib import Path; from verbund.media.package import Packager;"
        "from verbund.media.plan import plan_of;"
        "from verbund.media.inspection import inspect; source = Path(sys.argv[1]);"
        "Packager(plan_of(inspect(source), 'A' * 43), source, Path(sys.argv[2]), lambda *_: None).prepare()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path), str(tmp_path / "out")])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/v*/00000.m4s")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    while any(str(path).encode() in one.read_bytes() for one in Path("/proc").glob("[0-9]*/cmdline") if one.exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_poster_is_no_black_frame_and_tiles_show_their_time(tmp_path: Path) -> None:
    dark_then_bright = "color=black:s=320x180:r=5:d=20"
    bars = "smptebars=s=320x180:r=5:d=40"
    path = make(
        tmp_path / "film.mp4",
        "-f",
        "lavfi",
        "-i",
        dark_then_bright,
        "-f",
        "lavfi",
        "-i",
        bars,
        "-filter_complex",
        "[0][1]concat=n=2",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
    )
    prepare(path, tmp_path / "out")
    poster = Image.open(tmp_path / "out" / "poster.jpg")
    assert ImageStat.Stat(poster.convert("L")).stddev[0] > 20
    sheet = Image.open(tmp_path / "out" / "tiles-0.jpg").convert("L")
    text = (tmp_path / "out" / "tiles.vtt").read_text()
    assert text.startswith("WEBVTT\n")
    assert "00:00:58.000 --> 00:01:00.000" in text

    def brightness(second: int) -> float:
        number = second // 2
        left, top = number % 10 * 160, number // 10 * 90
        return ImageStat.Stat(sheet.crop((left, top, left + 160, top + 90))).mean[0]

    assert brightness(4) < 30
    assert brightness(16) < 30
    assert brightness(26) > 60
    assert brightness(56) > 60


def test_subtitles_become_webvtt_and_only_sound_gets_a_picture(tmp_path: Path) -> None:
    (tmp_path / "t.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nGrüße aus der Werkstatt\n", "utf-8")
    path = make(
        tmp_path / "film.mkv",
        *pictures(6, "320x180"),
        *sound(6),
        "-i",
        str(tmp_path / "t.srt"),
        "-map",
        "0",
        "-map",
        "1",
        "-map",
        "2",
        "-c:v",
        "mpeg4",
        "-c:a",
        "libmp3lame",
        "-c:s",
        "subrip",
        "-metadata:s:s:0",
        "language=ger",
    )
    prepare(path, tmp_path / "out")
    assert "Grüße aus der Werkstatt" in (tmp_path / "out" / "s0.vtt").read_text("utf-8")
    assert 'TYPE=SUBTITLES,GROUP-ID="subtitles-home"' in (tmp_path / "out" / "master.m3u8").read_text()
    only = make(tmp_path / "ton.mp3", *sound(6))
    plan, made = prepare(only, tmp_path / "sound")
    assert plan.rungs == ()
    assert made.duration_ms == pytest.approx(6_000, abs=150)
    assert (tmp_path / "sound" / "poster.jpg").is_file()
    assert 'CODECS="mp4a.40.2"' in (tmp_path / "sound" / "master.m3u8").read_text()
    assert_continuous(tmp_path / "sound" / "a0")


#: How well what goes in was encoded does not matter.
QUICK = ("-c:v", "libx264", "-preset", "ultrafast")


@pytest.mark.parametrize(
    ("args", "size", "rate"),
    [
        ([*QUICK, "-pix_fmt", "yuv420p10le", "-profile:v", "high10"], (322, 180), "25/1"),
        ([*QUICK, "-pix_fmt", "yuv444p"], (322, 180), "25/1"),
        (
            ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=none"],
            (322, 180),
            "25/1",
        ),
        (["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"], (322, 180), "25/1"),
        ([*QUICK, "-pix_fmt", "yuv420p", "-vf", "setsar=1/2"], (160, 180), "25/1"),
        (
            [*QUICK, "-pix_fmt", "yuv420p", "-flags", "+ildct+ilme", "-vf", "setfield=tff"],
            (322, 180),
            "25/1",
        ),
        (
            [*QUICK, "-pix_fmt", "yuv420p", "-vf", "select='not(mod(n,7))+lt(n,25)'", "-vsync", "vfr"],
            (322, 180),
            "25/1",
        ),
    ],
    ids=["10 bit", "4:4:4", "hevc 10 bit", "full range", "narrow pixels", "interlaced", "variable rate"],
)
def test_odd_pictures_become_plain_ones(tmp_path: Path, args: list[str], size: tuple[int, int], rate: str) -> None:
    path = make(tmp_path / "film.mkv", *pictures(3, "322x180"), *args)
    plan, made = prepare(path, tmp_path / "out")
    rung = plan.rungs[0]
    track = tmp_path / "out" / rung.name
    assert_continuous(track)
    stream = look(
        joined(track, tmp_path / "whole.mp4"), "-show_entries", "stream=width,height,pix_fmt,sample_aspect_ratio"
    )["streams"][0]
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (*size, "yuv420p")
    assert made.duration_ms == pytest.approx(3_000, abs=250)
    assert plan.encoded == () or f"{plan.rate[0]}/{plan.rate[1]}" == rate


REAL = {
    "am_bbb_vp8.webm": (1920, 1080),
    "am_chapters.mkv": (320, 240),
    "am_hdr10-av1.mp4": (720, 1280),
    "am_pgs.mkv": (1080, 720),
    "am_portrait_4k60.mp4": (1080, 1920),
    "am_sample_android_slow_motion.mp4": (1280, 720),
    "am_sample_audio_only_15s.mp4": None,
    "am_sample_edit_list.mp4": (1080, 1920),
    "am_sample_empty_track.mp4": (1080, 720),
    "am_sample_malformed_free_box.mp4": "media.damaged",
    "am_sample_rotate_and_reflect.mp4": (720, 1080),
    "lp_de.wav": None,
    "mp_rot90.mp4": (60, 100),
    "oc_nostreams.mp4": "media.empty",
    "oc_scene.mov": (320, 240),
    "oc_vonly.mov": (640, 480),
    "tc_h264_10bits.mp4": (200, 200),
    "tc_nasa_13013.mp4": (480, 270),
}


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_odd_films_play_or_say_why(tmp_path: Path, name: str) -> None:
    path = sample(name)
    if path is None:
        pytest.skip("the real films are not beside the project")
    expected = REAL[name]
    if isinstance(expected, str):
        with pytest.raises(Refusal) as refused:
            prepare(path, tmp_path / "out")
        assert refused.value.code == expected
        return
    plan, made = prepare(path, tmp_path / "out")
    for rung in plan.rungs:
        assert_continuous(tmp_path / "out" / rung.name)
    for track in plan.sounds:
        assert_continuous(tmp_path / "out" / track.name)
    if expected is None:
        assert plan.rungs == ()
    else:
        stream = look(joined(tmp_path / "out" / plan.rungs[0].name, tmp_path / "whole.mp4"), "-show_entries", "stream")[
            "streams"
        ][0]
        assert (stream["width"], stream["height"], stream["pix_fmt"]) == (*expected, "yuv420p")
        assert stream.get("color_transfer") not in ("smpte2084", "arib-std-b67")
    assert made.duration_ms > 0

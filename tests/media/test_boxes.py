"""Cutting fragmented MP4, and what else reads bytes that others wrote."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbund.base.refusal import Refusal
from verbund.media.boxes import BadBoxes, BoxStream, Fragment, Init, fragment_of, init_of
from verbund.media.source import Truncated, is_boxes, key_gap_ms, read_source


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind: bytes, flags: int, body: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version]) + flags.to_bytes(3, "big") + body)


HEAD = box(b"ftyp", b"iso5") + box(
    b"moov",
    box(
        b"trak",
        box(
            b"mdia",
            full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, 12_800, 0, 0, 0))
            + box(
                b"minf",
                box(
                    b"stbl",
                    full(b"stsd", 0, struct.pack(">I", 1) + box(b"avc1", bytes(78) + box(b"avcC", b"\1\x64\0\x1f"))),
                ),
            ),
        ),
    ),
)


def fragment(start: int, durations: list[int], payload: bytes = b"x") -> bytes:
    run = full(
        b"trun", 0x100, struct.pack(">I", len(durations)) + b"".join(struct.pack(">I", one) for one in durations)
    )
    track = box(b"traf", full(b"tfhd", 0x20000, bytes(4)) + full(b"tfdt", 0, struct.pack(">Q", start), 1) + run)
    return box(b"moof", track) + box(b"mdat", payload)


def test_head_tells_codec_and_timescale() -> None:
    head = init_of(HEAD)
    assert (head.timescale, head.codec, head.data) == (12_800, "avc1.64001f", HEAD)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40))
def test_stream_is_cut_the_same_however_it_arrives(sizes: list[int]) -> None:
    stream = (
        HEAD + box(b"sidx", bytes(20)) + fragment(0, [512, 512]) + fragment(1024, [512], b"yy") + box(b"mfra", b"z")
    )
    cutter, parts, at, turn = BoxStream(), [], 0, 0
    while at < len(stream):
        step = sizes[turn % len(sizes)]
        parts += cutter.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert parts == [
        Init(HEAD, 12_800, "avc1.64001f"),
        Fragment(fragment(0, [512, 512]), 0, 1024),
        Fragment(fragment(1024, [512], b"yy"), 1024, 512),
    ]


def test_length_may_stand_in_the_track_or_at_each_picture() -> None:
    run = full(b"trun", 0, struct.pack(">I", 3))
    track = box(
        b"traf", full(b"tfhd", 0x8, bytes(4) + struct.pack(">I", 100)) + full(b"tfdt", 0, struct.pack(">I", 7)) + run
    )
    found = fragment_of(box(b"moof", track) + box(b"mdat"))
    assert (found.start, found.duration) == (7, 300)


@settings(max_examples=300)
@given(st.binary(max_size=400), st.integers(0, 200))
def test_no_bytes_do_harm(raw: bytes, at: int) -> None:
    """Altered boxes are refused or cut; nothing else is raised, nothing runs away."""
    altered = bytearray(HEAD + fragment(0, [1, 2, 3]))
    altered[at : at + len(raw)] = raw
    for data in (raw, bytes(altered)):
        try:
            BoxStream().feed(data)
        except BadBoxes:
            continue


def test_truncated_film_is_known_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + box(b"moov", bytes(100)) + struct.pack(">I4s", 5000, b"mdat") + bytes(100))
    with pytest.raises(Truncated):
        is_boxes(path)
    path.write_bytes(box(b"ftyp", b"isom") + box(b"mdat", bytes(100)))
    with pytest.raises(Truncated):
        is_boxes(path)
    path.write_bytes(box(b"ftyp", b"isom") + box(b"moov", bytes(100)) + box(b"mdat", bytes(100)))
    assert is_boxes(path)
    path.write_bytes(b"plain text, nothing else")
    assert not is_boxes(path)


strange_streams = st.fixed_dictionaries(
    {"codec_type": st.sampled_from(["video", "audio", "subtitle", "data", ""])},
    optional={
        name: st.text(max_size=5) | st.integers(-5, 5) | st.none()
        for name in (
            "index",
            "codec_name",
            "width",
            "height",
            "duration",
            "channels",
            "pix_fmt",
            "r_frame_rate",
            "bit_rate",
        )
    },
)


@settings(max_examples=300)
@given(
    st.lists(strange_streams, max_size=5),
    st.dictionaries(st.sampled_from(["duration", "bit_rate"]), st.text(max_size=5)),
)
def test_strange_answers_of_the_probe_are_read_or_refused(streams: list[object], form: dict[str, object]) -> None:
    try:
        source = read_source({"streams": streams, "format": form})
    except Refusal:
        return
    assert source.duration_ms > 0
    assert source.video or source.audio


def test_distance_of_key_frames() -> None:
    packets = [
        {"pts_time": "0.0", "flags": "K_"},
        {"pts_time": "0.04", "flags": "__"},
        {"pts_time": "2.0", "flags": "K_"},
    ]
    assert key_gap_ms({"packets": packets}, 5_000) == 3_000
    assert key_gap_ms({"packets": []}, 5_000) == 0

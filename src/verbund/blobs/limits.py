"""Every bound of the blobs: constants of the protocol, and what an operator may set."""

import msgspec

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
HOUR_S = 3600
DAY_S = 24 * HOUR_S

CHUNK_BYTES = 4 * MIB
#: A plan of 2 MiB of JSON names about 45,000 chunks, 175 GiB.
PLAN_BODY_BYTES_MAX = 2 * MIB
CHUNK_TIMEOUT_S = 300
CHUNKS_AT_ONCE_MAX = 64
CHUNKS_AT_ONCE_PER_ACCOUNT_MAX = 8
COMMITS_AT_ONCE_MAX = 2
COMMITS_WAITING_MAX = 64
TYPE_CHARS_MAX = 127
NAME_CHARS_MAX = 255

#: What one step reads, hashes or sends; the memory of a transfer is a small multiple of it.
PIECE_BYTES = 256 * KIB
SEND_TIMEOUT_S = 120

COLLECT_EVERY_S = 600
COLLECT_ROWS_MAX = 10_000

#: The small ones are for people's portraits.
PREVIEW_WIDTHS_PX = (64, 128, 256, 320, 512, 640, 1280, 2560)
PREVIEW_SOURCE_BYTES_MAX = 64 * MIB
PREVIEW_PIXELS_MAX = 80_000_000
PREVIEWS_AT_ONCE_MAX = 2
PREVIEWS_WAITING_MAX = 64
PREVIEW_TIMEOUT_S = 30
PREVIEW_CPU_S_MAX = 20
PREVIEW_MEMORY_BYTES_MAX = 1280 * MIB
PREVIEW_RESULT_BYTES_MAX = 16 * MIB
PREVIEW_FAILURES_KEPT_MAX = 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set (bytes, seconds, counts)."""

    upload_bytes_max: int = 16 * GIB
    space_bytes_max: int = 200 * GIB
    #: Kept free on the disk for the log: facts must be writable when films no longer are.
    free_bytes_min: int = 512 * MIB
    uploads_unfinished_max: int = 16
    upload_idle_s_max: int = 7 * DAY_S
    loose_s_max: int = DAY_S
    previews_bytes_max: int = GIB

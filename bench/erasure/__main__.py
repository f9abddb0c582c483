"""`make bench-erasure`: an order of erasure at two real providers: how long until both have confirmed, what is left.

Ben wrote MESSAGES texts and showed a file, Anna as many beside them. Both data folders (database, write-ahead log,
index, blobs, previews) are searched for the words afterwards. Writes bench/results/erasure.json.
"""

import json
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from tests.erasure.test_two_providers import WORD, both_confirm, hits, orders, writes
from tests.flows.pair import two_providers

MESSAGES = 300
RECEIPTS_S_MAX = 60
RESULTS = Path(__file__).parents[1] / "results"


def main() -> int:
    """0 when the bars are met."""
    with tempfile.TemporaryDirectory() as folder, two_providers(Path(folder), facts_per_s="5000") as pair:
        writes(pair, MESSAGES)
        servers = (pair.werkhof, pair.suednetz)
        before = sum(len(hits(one.data, WORD.encode(), b"kirschholzfurnier")) for one in servers)
        began = time.monotonic()
        orders(pair)
        said = both_confirm(pair)
        receipts_s = round(time.monotonic() - began, 2)
        left = [name for one in servers for name in hits(one.data, WORD.encode(), b"kirschholzfurnier")]
    figures = {"erasure_receipts_s": receipts_s, "erasure_hits": len(left)}
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    samples = [{"provider": one["name"], "bodies": one["bodies"], "files": one["files"]} for one in said]
    run = {
        "n": MESSAGES, "seed": None, "command": "make bench-erasure", "versions": versions,
        "configuration": {"files_with_words_before": before}, "samples": samples,
    }  # fmt: skip
    (RESULTS / "erasure.json").write_text(json.dumps({"figures": figures, "runs": [run]}, indent=1) + "\n")
    met = receipts_s <= RECEIPTS_S_MAX and not left
    sys.stdout.write(f"{json.dumps(figures)} {'✓' if met else '✗'} {left}\n")
    return 0 if met and before else 1


if __name__ == "__main__":
    sys.exit(main())

"""A world for the drill's driver in which rounds go wrong, as asked: what a long night may bring, in a second."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.drill.unattended import Play, Round


@contextmanager
def world(folder: Path) -> Iterator[Play]:
    """Each round does what its `round` says; `world` tells which world it was played in."""

    def play(round_: Round) -> dict[str, Any]:
        if round_["round"] == "fails":
            raise AssertionError("it did not come to pass")
        if round_["round"] == "hangs":
            time.sleep(60)
        if round_["round"] == "ends":
            os._exit(3)
        return {"world": os.getpid()}

    yield play

"""The built app as files: what was built meanwhile is served, without a restart."""

import os
from pathlib import Path

from verbund.web.shell import NOT_BUILT, Shell


def test_app_that_is_built_meanwhile_is_served(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell.index("").body == NOT_BUILT.encode()
    _build(tmp_path, "first", 1)
    assert shell.refresh()
    assert shell.index("").body == b"first"
    _build(tmp_path, "second", 2)
    assert shell.asset("/_app/second.js", "") is None
    assert shell.refresh()
    script = shell.asset("/_app/second.js", "")
    assert script is not None
    assert script.body == b"second"
    assert not shell.refresh()


def _build(folder: Path, name: str, at_s: int) -> None:
    (folder / "_app").mkdir(exist_ok=True)
    (folder / "_app" / f"{name}.js").write_text(name)
    (folder / "index.html").write_text(name)
    os.utime(folder / "index.html", (at_s, at_s))

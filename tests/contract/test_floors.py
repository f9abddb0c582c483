"""Imports go down only, and siblings do not know each other: the contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

from tests.contract.source import ROOT, imports, modules

#: What the other parts may use of a capability; everything else in it is its own affair.
PRIVATE = {"rules", "tables", "projection", "effects", "api"}
#: The parts that put everything together, and the floors that others are built from.
COMPOSERS = {"web", "ops"}
FOUNDATIONS = {"base", "log"}


def test_floors_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_capabilities_keep_their_private_files_to_themselves() -> None:
    wrong = {
        f"{module.at(node)}: {name}"
        for module in modules()
        for node, name in imports(module)
        for parts in [name.split(".")]
        if parts[0] == "verbund" and len(parts) > 2 and parts[2] in PRIVATE
        if parts[1] not in FOUNDATIONS and module.part not in COMPOSERS | {parts[1]}
    }
    assert not wrong, "private to their capability; ask its queries, events or schemas:\n" + "\n".join(sorted(wrong))


def test_only_api_and_web_speak_http() -> None:
    wrong = [
        f"{module.at(node)}: {name}"
        for module in modules()
        for node, name in imports(module)
        if name.split(".")[0] in {"litestar", "starlette", "uvicorn"} and module.part != "web"
        if module.role != "api" and not module.name.endswith(".api")
    ]
    assert not wrong, "only api.py and web/ know the framework:\n" + "\n".join(wrong)

"""What is committed names no machine, no index and no address that only one workplace knows."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.contract.source import ROOT

TEXT_BYTES_MAX = 5_000_000
_MACHINE = re.compile(r"(?<![\w.~/-])/(?:work|home/(?!verbund\b)\w+|root|opt|Users|tmp)/\w")
_INDEX_OPTION = re.compile(r"^\s*(?:--(?:(?:extra-)?index-ur[l]|find-link[s]|trusted-host)|-i|-f)\b", re.MULTILINE)
_INDEX_HOST = re.compile(
    r"https?://[\w.-]*(?:pypi|pythonhosted|npmjs|registry|artifactory|nexus|devpi)[\w.-]*", re.IGNORECASE
)


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    names = [name for name in done.stdout.split("\0") if name]
    if not names:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        raw = path.read_bytes()[:TEXT_BYTES_MAX]
        if b"\0" not in raw[:8000]:
            found.append((path.relative_to(ROOT), raw.decode("utf-8", "replace")))
    return found


def test_no_machine_is_named() -> None:
    wrong = [
        f"{path}:{text[: match.start()].count(chr(10)) + 1}: {match[0]}…"
        for path, text in texts()
        for match in _MACHINE.finditer(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_index_is_named() -> None:
    wrong = [f"{path}: {match[0]}" for path, text in texts() for match in _INDEX_HOST.finditer(text)]
    assert not wrong, "\n".join(wrong[:20])


def test_requirements_are_pinned_with_hashes() -> None:
    files = sorted(ROOT.glob("requirements*.txt"))
    assert len(files) == 3
    for file in files:
        text = file.read_text("utf-8")
        assert not _INDEX_OPTION.search(text), file.name
        for block in re.split(r"\n(?=[a-z0-9])", text.strip()):
            assert re.match(r"[a-z0-9._-]+==[^\s\\]+( ; [^\\]+)? \\\n", block), f"{file.name}: {block[:60]}"
            assert "--hash=sha256:" in block, f"{file.name}: {block[:60]}"


def test_the_apps_lock_names_no_address() -> None:
    lock = json.loads((ROOT / "app" / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name and not entry.get("link")}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if "integrity" not in entry and not entry.get("inBundle")] == []


def test_no_secret_is_committed() -> None:
    wrong = [str(path) for path, text in texts() if re.search(r"-----BEGIN (?:\w+ )?PRIVATE KEY-----", text)]
    assert not wrong, "\n".join(wrong)

"""The scripts behind `make`: they parse, notice what changed, and say what is missing in both languages."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.source import ROOT

SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
TIMEOUT_S = 60


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder that looks like the project to the scripts."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "app" / "src").mkdir(parents=True)
    (tmp_path / "app" / "src" / "a.ts").write_text("1", "utf-8")
    return tmp_path


def bash(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f". scripts/steps.sh\n. scripts/system.sh\n{text}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_parses(script: Path) -> None:
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", [script for script in SCRIPTS if not script.suffix], ids=lambda script: script.name)
def test_script_can_be_run(script: Path) -> None:
    assert script.stat().st_mode & 0o111
    assert script.read_text("utf-8").startswith("#!/usr/bin/env bash\n# ")


def test_only_a_changed_source_is_a_change(copy: Path) -> None:
    def inputs() -> str:
        return bash(copy, "inputs_of app protocol").stdout

    first = inputs()
    assert len(first.strip()) == 64
    (copy / "app" / "node_modules").mkdir()
    (copy / "app" / "node_modules" / "made.js").write_text("2", "utf-8")
    (copy / "app" / "build").mkdir()
    (copy / "app" / "build" / "index.html").write_text("3", "utf-8")
    assert inputs() == first
    (copy / "app" / "src" / "a.ts").touch()
    assert inputs() == first
    (copy / "app" / "src" / "a.ts").write_text("4", "utf-8")
    changed = inputs()
    assert changed != first
    (copy / "app" / "src" / "b.ts").write_text("", "utf-8")
    assert inputs() != changed


def test_a_step_shows_why_it_failed_and_passes_its_code_on(copy: Path) -> None:
    done = bash(copy, 'step "Etwas tun" bash -c "echo der Grund >&2; exit 7"; echo not reached')
    assert done.returncode == 7
    assert "✗ Etwas tun" in done.stdout
    assert "der Grund" in done.stderr
    assert "not reached" not in done.stdout


def test_everything_missing_is_listed_and_named_in_both_languages(copy: Path) -> None:
    missing = bash(copy, 'PATH=/nowhere; list_missing test; echo "${SYSTEM_MISSING[@]}"').stdout.split()
    browsers = {"chromium", "chromium-headless-shell", "firefox-esr"}
    assert {"python3", "python3-venv", "janus", "ffmpeg", "bubblewrap", *browsers} <= set(missing)
    for package in missing:
        if not package.startswith("python3"):
            said = bash(copy, f"what_is_lost {package}").stderr
            assert "fehlt" in said, package
            assert "is missing" in said, package


def test_without_python_it_ends_and_says_so(copy: Path) -> None:
    done = bash(copy, "apt_command() { :; }\nPATH=/nowhere; system_packages up")
    assert done.returncode == 1
    assert "Python 3.11 oder neuer mit venv fehlt" in done.stderr
    assert "Python 3.11 or later with venv is missing" in done.stderr


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    for target in ("up", "test", "check", "fix", "demo", "doctor", "bench-chat", "simulate"):
        assert f"make {target} " in done.stdout

"""The handbook names every setting and every command, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.source import ROOT
from verbund.base.settings import Settings

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "handbook").rglob("*.md"))]
SETTINGS = (ROOT / "handbook" / "operating" / "settings.md").read_text("utf-8")
COMMANDS = (ROOT / "handbook" / "operating" / "commands.md").read_text("utf-8")
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
ROW_CELLS = 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_setting_is_explained_in_both_languages(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|(.+)\|$", SETTINGS, re.MULTILINE)
    assert row, "a row in handbook/operating/settings.md"
    cells = [cell.strip() for cell in row[1].split("|")]
    assert len(cells) == ROW_CELLS - 1
    assert all(cells)


def test_no_setting_is_explained_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `([a-z_]+)` \|", SETTINGS, re.MULTILINE)) == set(Settings.__struct_fields__)


def test_every_command_is_explained() -> None:
    program = Path(sys.executable).with_name("verbund")
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60, check=True)
    listed = re.search(r"\{([a-z,-]+)\}", done.stdout)
    assert listed, done.stdout
    explained = set(re.findall(r"^\| `verbund ([a-z-]+)", COMMANDS, re.MULTILINE))
    assert explained == set(listed[1].split(","))


def test_every_target_of_the_makefile_is_one_line() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    for target, recipe in re.findall(r"^([a-z-]+):.*\n((?:\t.+\n)*)", text, re.MULTILINE):
        assert recipe.count("\n") <= 1, target


def test_decisions_are_listed() -> None:
    folder = ROOT / "handbook" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    for page in folder.glob("0*.md"):
        assert f"({page.name})" in index
        assert len(page.read_text("utf-8").splitlines()) < 60, "one page"

"""Every attack that the handbook tells of is tried by a test, and every one that is tried is told of."""

import ast
import re

import pytest

from tests.contract.source import ROOT
from tests.partners.attacks import ATTACKS

PAGE = (ROOT / "handbook" / "operating" / "rogue-partner.md").read_text("utf-8")
ATTACKS_MIN = 40
CELLS = 4


def rows() -> list[list[str]]:
    found = re.findall(r"^\| (\d+ \|.+)\|$", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


@pytest.mark.parametrize("test", sorted(set(ATTACKS.values())))
def test_attack_is_tried(test: str) -> None:
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {one.name for one in tree.body if isinstance(one, functions)}


def test_there_are_many_and_no_test_counts_twice() -> None:
    assert len(set(ATTACKS.values())) == len(ATTACKS) >= ATTACKS_MIN


def test_handbook_tells_of_each() -> None:
    told = rows()
    assert [row[1] for row in told] == list(ATTACKS)
    assert [int(row[0]) for row in told] == list(range(1, len(ATTACKS) + 1))
    assert all(len(row) == CELLS and all(row) for row in told), "what is tried, what it brings, what one sees"

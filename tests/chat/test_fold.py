"""The folds of conversation give the same rows in every order that respects what a fact refers to."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from verbund.ops.chat_vectors import fold

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors" / "chat" / "fold.json"
CASES = msgspec.json.decode(VECTORS.read_bytes())["cases"]


def orders(facts: list[Any]) -> list[list[Any]]:
    """Every order in which what a fact names comes before it."""
    ids = {fact["id"] for fact in facts}
    found = []
    for order in itertools.permutations(facts):
        seen: set[str] = set()
        if all(set(fact["re"]) & ids <= seen and (seen.add(fact["id"]) or True) for fact in order):
            found.append(list(order))
    return found


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_every_order_gives_the_same_rows(case: Any) -> None:
    for order in orders(case["facts"]):
        assert without_order(fold(order)) == without_order(case["rows"])


def without_order(rows: list[Any]) -> list[Any]:
    """Reactions as sets: who reacted first is nobody's business."""
    return [
        {**row, "reactions": sorted((one["emoji"], sorted(one["accounts"])) for one in row["reactions"])}
        for row in rows
    ]

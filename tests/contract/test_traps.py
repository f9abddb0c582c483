"""Traps that somebody fell into once."""

import ast

from tests.contract.source import modules

#: SQLAlchemy's Row is a tuple with a `t` of its own: a column of such a name is not what the attribute gives.
SHADOWED = {"t", "count", "index"}
ROWS = {"row", "held", "found", "hit"}


def test_a_column_is_not_asked_for_under_a_name_that_every_row_has() -> None:
    wrong = [
        f"{module.at(node)}: {node.value.id}.{node.attr}"
        for module in modules()
        if "sqlalchemy" in module.text
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in SHADOWED
        if isinstance(node.value, ast.Name) and node.value.id in ROWS
    ]
    assert not wrong, 'say row._mapping["t"], or label the column:\n' + "\n".join(wrong)


def test_nobody_waits_for_ever_for_a_program() -> None:
    wrong = [
        module.at(node)
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run"
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess"
        if not any(keyword.arg == "timeout" for keyword in node.keywords)
    ]
    assert not wrong, "subprocess.run has a timeout:\n" + "\n".join(wrong)

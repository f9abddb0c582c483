"""Only a fold writes what is folded; only its own capability writes what is local.

A table above the comment `# local` in a `tables.py` is a fold of the log: a rebuild empties it and fills it again, so
whatever wrote to it elsewhere would be lost. It is written in its own capability's `projection.py` alone.
A table below that comment holds local state (sessions, uploads, jobs): facts do not give it back, so no fold may
depend on it. It is written inside its own capability, but never where HTTP is spoken, questions are asked or rules
are checked. The log's own tables are written inside the log.
"""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.contract.source import Module, modules

WRITERS = {"Into", "insert", "insert_once", "upsert", "update", "delete", "remove"}
#: Files that never write anything, not even local state.
READERS = {"api", "queries", "schemas", "events", "rules"}
#: Who may write every table as a whole: a rebuild empties them by their common list.
LOG = "log"
#: They make the vectors of protocol/ in a database that is thrown away.
VECTORS = ("verbund.ops.vectors", "verbund.ops.chat_vectors")
_LOCAL = re.compile(r"^#+\s*local\b", re.IGNORECASE)


class Place(NamedTuple):
    part: str
    local: bool


def declared() -> dict[tuple[str, str], Place]:
    """(part, variable) → where a table belongs."""
    found: dict[tuple[str, str], Place] = {}
    for module in modules():
        if module.role != "tables":
            continue
        local_from = next((n for n, line in enumerate(module.text.splitlines(), 1) if _LOCAL.match(line)), 1 << 30)
        for node in module.tree.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if _name(node.value.func) == "Table" and isinstance(target, ast.Name):
                    found[module.part, target.id] = Place(module.part, node.lineno > local_from)
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def known_as(module: Module) -> dict[str, str]:
    """Names in a module that stand for a `tables` module or a table in it → its part (with `.table` for one)."""
    found: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("verbund."):
            parts = node.module.split(".")
            for alias in node.names:
                if len(parts) > 2 and parts[2] == "tables":
                    found[alias.asname or alias.name] = f"{parts[1]}.{alias.name}"
                elif alias.name == "tables":
                    found[alias.asname or alias.name] = parts[1]
    return found


def written(module: Module) -> Iterator[tuple[ast.Call, str, str]]:
    """(call, part, table) of every write: `insert(table)`, `table.insert()`, `tx.upsert(table, row)`."""
    names = known_as(module)
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or _name(node.func) not in WRITERS:
            continue
        candidates = [*node.args[:1], *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        for one in candidates:
            if isinstance(one, ast.Name) and "." in names.get(one.id, ""):
                part, table = names[one.id].split(".")
                yield node, part, table
            elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id in names:
                yield node, names[one.value.id], one.attr


def test_tables_are_found() -> None:
    parts = {part for part, _ in declared()}
    assert {"log", "blobs"} <= parts
    assert any(place.local for place in declared().values()), "no table is local: is the comment spelt `# local`?"


def test_every_table_is_written_where_it_belongs() -> None:
    tables, wrong = declared(), []
    for module in modules():
        for node, part, table in written(module):
            place = tables.get((part, table))
            if place is None or part == LOG == module.part or module.name.startswith(VECTORS):
                continue
            if place.local:
                allowed = module.part == part and module.role not in READERS
            else:
                allowed = module.part == part and module.role == "projection"
            if not allowed:
                sort = "local" if place.local else "folded"
                wrong.append(f"{module.at(node)}: writes {part}.{table} ({sort})")
    assert not wrong, f"{__doc__}\n" + "\n".join(wrong)


def test_a_write_in_the_wrong_place_would_be_found() -> None:
    imports = "from verbund.blobs.tables import blob\nfrom verbund.log import tables\n"
    source = f"{imports}tx.insert(blob, {{}})\nupdate(tables.core)\n"
    module = modules()[0]._replace(tree=ast.parse(source))
    assert [(part, table) for _, part, table in written(module)] == [("blobs", "blob"), ("log", "core")]


def test_no_statement_is_written_as_text() -> None:
    wrong = [
        module.at(node)
        for module in modules()
        if module.part not in {LOG, "ops"}
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.match(r"\s*(insert\s+into|update\s+\w+\s+set|delete\s+from)\b", node.value, re.IGNORECASE)
    ]
    assert not wrong, "statements are built from tables, so that they can be checked:\n" + "\n".join(wrong)

"""The source as the contract tests see it: every module with its name, its text and its syntax tree."""

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
#: Modules that are programs of their own, or run by one.
PROGRAMS = ("__main__", "_child", "migrations.env")


class Module(NamedTuple):
    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The floor or capability: `chat` of `verbund.chat.projection`; empty for the package itself."""
        return [*self.name.split("."), ""][1]

    @property
    def role(self) -> str:
        """What the file is within its part: `projection` of `verbund.chat.projection.messages`."""
        return [*self.name.split("."), "", ""][2]

    def at(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@cache
def modules() -> tuple[Module, ...]:
    """Every module of Verbund."""
    found = []
    for path in sorted(SOURCE.glob("verbund/**/*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text("utf-8")
        found.append(Module(name, path, text, ast.parse(text, str(path))))
    assert len(found) > 10, "the source is not where this test looks for it"
    return tuple(found)


@cache
def import_all() -> None:
    """Import every module, so that all events and refusals are defined."""
    for module in modules():
        if not module.name.endswith(PROGRAMS):
            importlib.import_module(module.name)


def imports(module: Module) -> Iterator[tuple[ast.stmt, str]]:
    """(statement, full name) of everything a module imports; `from a import b` gives `a` and `a.b`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node, node.module
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"

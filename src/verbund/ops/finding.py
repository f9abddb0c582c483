"""One sentence of the check-up: what is, and what to do about it. The sentences are in findings.toml."""

import tomllib
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


class State(IntEnum):
    """How bad it is; the exit code follows the worst."""

    OK = 0
    HINT = 1
    FAULT = 2


class Finding(NamedTuple):
    """What a check found: `check.what`, and what belongs in the sentence."""

    code: str
    fields: dict[str, Any]

    @property
    def state(self) -> State:
        return State[entry(self.code)["state"].upper()]

    def sentence(self, language: str) -> str:
        """In German unless English is asked for."""
        return entry(self.code)["en" if language.startswith("en") else "de"].format(**self.fields)


def found(code: str, **fields: Any) -> Finding:
    return Finding(code, fields)


def entry(code: str) -> dict[str, str]:
    """state, de and en of a code."""
    check, what = code.split(".")
    return entries()[check][what]


@cache
def entries() -> dict[str, dict[str, dict[str, str]]]:
    """check → what → state, de, en."""
    return tomllib.loads(files(__package__).joinpath("findings.toml").read_text("utf-8"))

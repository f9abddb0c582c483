"""Writes down what partners and clients rely on: protocol/*.json (routes, events, frames, links …), the vectors."""

import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from verbund.base.refusal import Refusal, sentences
from verbund.log.registry import Event
from verbund.ops.vectors import all_vectors

VECTORS = "vectors"


def texts(documents: dict[str, Any]) -> dict[str, str]:
    """File name → text, of the documents that the top floor gives and of the vectors."""
    vectors = {f"{VECTORS}/{_file(name)}": _short(content) for name, content in all_vectors().items()}
    return {_file(name): _long(content) for name, content in documents.items()} | vectors


def write(folder: Path, contents: dict[str, str], only_check: bool) -> list[str]:
    """Bring the files up to date, or only compare. Returns the names that differed."""
    changed = [name for name, text in contents.items() if _read(folder / name) != text]
    for name in () if only_check else changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(contents[name], "utf-8")
    return changed


def events_document(events: Iterable[type[Event]]) -> dict[str, Any]:
    """kind → what it says, where it may stand, the schema of its body."""
    return {
        event.kind: {
            "about": inspect.cleandoc(event.__doc__ or ""),
            "authority": event.authority,
            "body": _schema(event),
            "founds": event.founds,
            "sorts": sorted(event.sorts),
        }
        for event in sorted(events, key=lambda event: event.kind)
    }


def refusals_document(refusals: Iterable[type[Refusal]]) -> dict[str, Any]:
    """code → status and the sentence in both languages."""
    return {
        kind.code: {"status": kind.status, **sentences(kind)} for kind in sorted(refusals, key=lambda one: one.code)
    }


def frames_document(incoming: Iterable[Any], outgoing: Iterable[Any]) -> dict[str, Any]:
    """Both ways of /live: name of the frame → its schema."""
    return {"from_client": _frames(incoming), "from_provider": _frames(outgoing)}


def links_document(opening: Iterable[Any], frames: Iterable[Any]) -> dict[str, Any]:
    """The link between two providers, the same both ways: frames of the handshake, and those after it."""
    return {"after": _frames(frames), "handshake": _frames(opening)}


def _frames(structs: Iterable[Any]) -> dict[str, Any]:
    return {str(struct.__struct_config__.tag): _schema(struct) for struct in structs}


def _schema(struct: Any) -> dict[str, Any]:
    """JSON Schema of a struct with everything it refers to beside it."""
    (own,), others = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    name = own.get("$ref", "").rpartition("/")[2]
    schema = others.pop(name) if name in others else own
    schema.pop("description", None)
    return {**schema, **({"$defs": others} if others else {})}


def _file(name: str) -> str:
    return name if name.endswith(".json") else f"{name}.json"


def _long(content: Any) -> str:
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _short(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def _read(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""

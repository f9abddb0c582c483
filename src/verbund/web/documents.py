"""The documents of protocol/: what routes, events, frames and refusals this version has. Reads; serves nothing."""

import importlib
import pkgutil
from tempfile import TemporaryDirectory
from typing import Any, get_args

import verbund
from verbund.base.refusal import all_refusals
from verbund.base.settings import Settings
from verbund.ops.protocol import events_document, frames_document, links_document, refusals_document
from verbund.partners.schemas import Frame, Opening
from verbund.web import capabilities
from verbund.web.answers import Outgoing
from verbund.web.app import create_app
from verbund.web.frames import Incoming

#: Modules that are programs of their own, or run by one.
PROGRAMS = ("__main__", "_child", "migrations.env")


def documents() -> dict[str, Any]:
    """openapi, events, frames, links, refusals."""
    _import_all()
    return {
        "openapi": openapi(),
        "events": events_document(event for part in capabilities.PARTS for event in part.events.EVENTS),
        "frames": frames_document(get_args(Incoming), get_args(Outgoing)),
        "links": links_document(get_args(Opening), get_args(Frame)),
        "refusals": refusals_document(kind for kind in all_refusals() if kind.__module__.startswith("verbund.")),
    }


def _import_all() -> None:
    """Refusals are found where they are defined, so every part must have been imported."""
    for found in pkgutil.walk_packages(verbund.__path__, "verbund."):
        if not found.name.endswith(PROGRAMS):
            importlib.import_module(found.name)


def openapi() -> dict[str, Any]:
    """The description of all HTTP routes, of an installation that is thrown away."""
    with TemporaryDirectory(prefix="verbund-") as folder:
        app = create_app(Settings(data=folder))
        schema: dict[str, Any] = app.http.openapi_schema.to_schema()
        app.services.store.close()
    return schema

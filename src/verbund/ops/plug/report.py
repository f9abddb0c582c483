"""One page for the file: what was tried, what happened, signed by the provider's key so that nobody can change it."""

import hashlib
import html
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from verbund.base.ids import b64, unb64
from verbund.base.keys import DeviceKey, verify
from verbund.base.refusal import Refusal
from verbund.ops.plug.drill import Outcome
from verbund.partners.identity import NotProven, check_identity
from verbund.partners.schemas import Identity

DOMAIN = b"verbund/drill-report/1\0"
SIGNATURE_SUFFIX = ".sig"
REPORT_BYTES_MAX = 1024 * 1024
_STYLE = """
@page { size: A4; margin: 2cm; }
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
td { padding: .4rem 0; border-bottom: 1px solid #8886; vertical-align: top; }
td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.small { font-size: .85rem; opacity: .8; overflow-wrap: anywhere; }
"""


class NotGenuine(Refusal):
    """de: Dieser Bericht passt nicht zu seiner Unterschrift, oder sie fehlt.
    en: This report does not match its signature, or the signature is missing."""

    code = "ops.not_genuine"
    status = 422


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signed the report with these bytes (SHA-256)."""

    identity: Identity
    sha256: str
    signature: str


def written(file: Path, text: str, own: Identity, device: DeviceKey) -> None:
    """The report, and its signature beside it."""
    raw = text.encode()
    file.write_bytes(raw)
    digest = hashlib.sha256(raw).digest()
    signature = Signature(own, b64(digest), b64(device.sign(DOMAIN + digest)))
    _beside(file).write_bytes(msgspec.json.encode(signature))


def checked(file: Path) -> Signature:
    """Who signed it. Raises NotGenuine."""
    try:
        with file.open("rb") as stream, _beside(file).open("rb") as beside:
            raw = stream.read(REPORT_BYTES_MAX)
            shown = msgspec.json.decode(beside.read(REPORT_BYTES_MAX), type=Signature)
        digest = hashlib.sha256(raw).digest()
        _, device = check_identity(shown.identity)
        genuine = shown.sha256 == b64(digest) and verify(device, unb64(shown.signature), DOMAIN + digest)
    except (OSError, ValueError, msgspec.MsgspecError, NotProven) as error:
        raise NotGenuine() from error
    if not genuine:
        raise NotGenuine()
    return shown


def page(outcome: Outcome, here: str, partner: str, fingerprint: str) -> str:
    """German, one page."""
    day = datetime.fromtimestamp(outcome.began_at / 1000, UTC).astimezone()
    rows = [
        ("Angemeldet beim Partner, mit dem Schlüssel des Geräts, nach", _time(outcome.signed_in_ms)),
        ("Erste Nachricht beim Partner angenommen nach", _time(outcome.written_ms)),
        ("Erste Nachricht beim Partner gelesen nach", _time(outcome.read_ms)),
        ("Nachrichten währenddessen", str(outcome.messages)),
        ("davon verloren", str(outcome.lost) if outcome.lost else "keine"),
        (f"Nach der Rückkehr war alles bei {here} nach", _time(outcome.equal_ms)),
    ]
    table = "".join(f"<tr><td>{html.escape(what)}</td><td>{html.escape(value)}</td></tr>" for what, value in rows)
    return (
        f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>Stecker ziehen</title>'
        f"<style>{_STYLE}</style></head><body><h1>Stecker ziehen</h1>"
        f"<p>{html.escape(verdict(outcome, here, partner))}</p>"
        f"<table><tr><td>Wann</td><td>{day:%d.%m.%Y %H:%M}</td></tr>"
        f"<tr><td>{html.escape(here)} antwortete niemandem</td><td>{_time(int(outcome.seconds * 1000))}</td></tr>"
        f"{table}</table>"
        "<p>Geprüft wurde mit einer eigenen Übungsfirma, die bei beiden Anbietern liegt; Inhalte anderer wurden weder "
        "gelesen noch geändert. Nicht geprüft: Anrufe, Filme, ein Verlust der Platte.</p>"
        f'<p class="small">Unterschrieben mit dem Schlüssel des Anbieters {html.escape(fingerprint)}. Die Unterschrift '
        "steht in der Datei daneben; prüfen: verbund drill --check DATEI</p></body></html>\n"
    )


def verdict(outcome: Outcome, here: str, partner: str) -> str:
    if outcome.went_well:
        return (
            f"{here} fiel aus, und bei {partner} ging die Arbeit nach {_time(outcome.written_ms)} weiter. Nichts ging "
            "verloren."
        )
    if outcome.written_ms is None:
        return f"{here} fiel aus, und bei {partner} konnte niemand weiterarbeiten. Ein Ausfall hielte Sie jetzt auf."
    if outcome.lost or outcome.equal_ms is None:
        return f"Bei {partner} ging die Arbeit weiter, aber {here} hat danach noch nicht alles. Bitte nachsehen."
    return f"{here} fiel aus, und bei {partner} ging die Arbeit nur zum Teil weiter."


def _time(ms: int | None) -> str:
    return "nie" if ms is None else f"{ms / 1000:.1f} s".replace(".", ",")


def _beside(file: Path) -> Path:
    return file.with_name(file.name + SIGNATURE_SUFFIX)

"""`verbund office CODE`: this machine keeps the spaces of an organisation that lives at a provider, too."""

import argparse
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from verbund.base.refusal import Refusal
from verbund.base.settings import LOCAL_HOSTS, Settings
from verbund.log.tx import Tx
from verbund.ops.partner import Beside, card, command, confirm, do, patiently, say, trouble
from verbund.partners.agreements import book, codes
from verbund.partners.agreements.book import Own
from verbund.partners.agreements.codes import Code
from verbund.partners.agreements.queries import AGREED
from verbund.partners.agreements.statements import NAME_CHARS_MAX, plain
from verbund.partners.agreements.texts import newest_common, texts


class NoAddress(Refusal):
    """de: Dieser Rechner hat noch keine Adresse, unter der ihn die anderen im Haus erreichen. Bitte zuerst `url` in
    verbund.toml setzen, zum Beispiel `url = "https://buero.tischlerei-lindner.de"`; mehr in buero.md.
    en: This machine has no address yet at which the others in the house reach it. Please set `url` in verbund.toml
    first, for example `url = "https://office.example.org"`; more in buero.md."""

    code = "partners.no_address"
    status = 409


def add_office(subparsers: Any, beside: Beside) -> None:
    """Register `office`."""
    about = "diesen Rechner mit dem Code einer Organisation anschließen, damit er ihre Bereiche auch aufbewahrt"
    one = command(subparsers, "office", about, partial(_office, beside))
    one.add_argument("code", metavar="CODE", help="von der Seite „Wo unsere Daten liegen“")
    one.add_argument("--by", metavar="NAME", help="wer zustimmt, mit Vor- und Nachname")
    one.add_argument("--yes", action="store_true", help="nicht nachfragen")


def _office(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    code = do(beside, settings, lambda tx, own: _join(tx, own, args.code))
    held = patiently(settings, code.provider, lambda one: one.heard_at is not None or one.problem is not None)
    if held.heard_at is None:
        say(
            trouble(held) or "Der Code ist angenommen. Bitte Verbund hier starten (make up) und den Befehl wiederholen."
        )
        return 1
    card(held)
    text = newest_common(held.texts)
    if text is not None and not args.yes:
        say(texts()[text])
    confirm(args.yes, f"Stimmen Sie dieser Vereinbarung mit {held.shown_name} zu?", "ja")
    by = plain(args.by or settings.contact or settings.name)[:NAME_CHARS_MAX]
    do(beside, settings, lambda tx, _own: book.agree(tx, code.provider, by))
    held = patiently(settings, code.provider, lambda one: one.state == AGREED or one.problem is not None)
    if held.state != AGREED:
        say(trouble(held) or f"Ihre Zustimmung ist festgehalten. Es fehlt noch die von {held.shown_name}.")
        return 1
    say(f"Angeschlossen: Dieser Rechner ist mit {held.shown_name} verbunden.")
    say("Noch ein Klick: Wer die Organisation leitet, wählt ihn auf der Seite „Wo unsere Daten liegen“ aus.")
    say("Dann kommt alles von selbst hierher; verbund partner list zeigt, wie weit es ist.")
    return 0


def _join(tx: Tx, own: Own, text: str) -> Code:
    """Raises NoAddress, and what `book.join` does."""
    code = codes.read(text, own.provider, own.address, tx.now_ms())
    if _is_local(own.address) and not _is_local(code.address):
        raise NoAddress()
    return book.join(tx, own, text)


def _is_local(address: str) -> bool:
    return urlsplit(address).hostname in LOCAL_HOSTS

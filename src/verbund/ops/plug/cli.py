"""`verbund drill`: warns, asks, pulls the plug for some seconds, says what happened, writes the signed page."""

import argparse
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from verbund.accounts.commands import make_setup_link
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings, load
from verbund.ops.client import Declined
from verbund.ops.plug import report, team
from verbund.ops.plug.drill import Parts, drill
from verbund.ops.plug.stop import server_of
from verbund.partners.agreements import queries
from verbund.partners.agreements.queries import AGREED, Partnership
from verbund.partners.agreements.refusals import NotConfirmed
from verbund.partners.tls import trusting

SECONDS, SECONDS_MIN, SECONDS_MAX = 20, 5, 120
Beside = Callable[[Settings, Callable[[Any, Any], Any]], Any]


class NoPartner(Refusal):
    """de: Es gibt keinen vereinbarten Partner mit einer Adresse: Ein Ausfall hielte jetzt alle auf. Siehe partners.md.
    en: There is no agreed partner with an address: an outage would stop everybody now. See partners.md."""

    code = "ops.no_partner"
    status = 409


class NotReached(Refusal):
    """de: {name} ist unter {address} nicht zu erreichen: {reason}. Die Übung hat nicht begonnen.
    en: {name} cannot be reached at {address}: {reason}. The drill has not begun."""

    code = "ops.not_reached"
    status = 503


def add_drill(subparsers: Any, beside: Beside, services: Callable[[Settings], Any]) -> None:
    """Register `drill`."""
    one = subparsers.add_parser("drill", help="Stecker ziehen: einige Sekunden schweigen, der Partner übernimmt")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--port", type=int, help="Port, unter dem Verbund läuft (Vorgabe: 8420)")
    one.add_argument("--partner", default="", metavar="PARTNER", help="Name oder Anfang des Fingerabdrucks")
    one.add_argument("--seconds", type=int, default=SECONDS, help=f"wie lange (Vorgabe: {SECONDS})")
    one.add_argument("--report", type=Path, metavar="DATEI", help="wohin der Bericht soll")
    one.add_argument("--yes", action="store_true", help="nicht nachfragen")
    one.add_argument("--check", type=Path, metavar="DATEI", help="nur die Unterschrift eines Berichts prüfen")
    one.set_defaults(run=partial(_drill, beside, services))


def _drill(beside: Beside, services: Callable[[Settings], Any], args: argparse.Namespace) -> int:
    if args.check is not None:
        return _check(args.check)
    settings = load(data=args.data, port=args.port)
    seconds = min(max(args.seconds, SECONDS_MIN), SECONDS_MAX)
    pid = server_of(settings.folder)
    partner = _partner(beside, settings, args.partner)
    _warn(settings, partner, seconds)
    if not args.yes and (not sys.stdin.isatty() or input("> ").strip().casefold() != "ja"):
        raise NotConfirmed()
    parts = _prepared(settings, partner, lambda: beside(settings, lambda tx, _own: make_setup_link(tx)))
    _say(f"{settings.name} schweigt jetzt {seconds} Sekunden.")
    outcome = drill(parts, pid, seconds)
    _say(report.verdict(outcome, settings.name, partner.shown_name))
    file = args.report or Path(f"stecker-{datetime.now(UTC).astimezone():%Y-%m-%d-%H%M}.html")
    own = services(settings)
    try:
        identity, device = own.installation.identity(), own.installation.device
        text = report.page(outcome, settings.name, partner.shown_name, identity.provider)
        report.written(file, text, identity, device)
    finally:
        own.store.close()
    _say(f"Bericht: {file}, Unterschrift: {file}{report.SIGNATURE_SUFFIX}")
    return int(not outcome.went_well)


def _check(file: Path) -> int:
    shown = report.checked(file)
    _say(f"Echt: unterschrieben vom Anbieter {shown.identity.provider}.")
    return 0


def _partner(beside: Beside, settings: Settings, wanted: str) -> Partnership:
    """Raises NoPartner, NoSuchPartner."""

    def read(tx: Any, _own: Any) -> list[Partnership]:
        return [queries.named(tx.connection, wanted)] if wanted else queries.partnerships(tx.connection)

    agreed = [one for one in beside(settings, read) if one.state == AGREED and one.address]
    if not agreed:
        raise NoPartner()
    found: Partnership = agreed[0]
    return found


def _warn(settings: Settings, partner: Partnership, seconds: int) -> None:
    _say(f"{settings.name} antwortet gleich {seconds} Sekunden lang niemandem: keinem Browser, keinem Partner.")
    _say(f"Wer arbeitet, geht nach ein bis zwei Sekunden zu {partner.shown_name}, soweit seine Bereiche dort liegen;")
    _say("die anderen warten so lange. Danach geht es von selbst weiter, auch wenn dieser Befehl abbricht.")
    _say("Soll es losgehen? Dann „ja“.")


def _prepared(settings: Settings, partner: Partnership, setup: Callable[[], str]) -> Parts:
    """The drill's firm at both. Raises NotReached, NotThere."""
    secure = _secure(settings)
    try:
        held, home = team.open_team(settings.folder, settings.origin, secure, setup)
        team.bring(home, held, partner)
    except (Declined, httpx.HTTPError) as error:
        raise NotReached(name=settings.name, address=settings.origin, reason=str(error)) from error
    if not team.until(lambda: _is_at(partner, held, secure), team.READY_S):
        raise team.NotThere()
    return Parts(home, partner, held, secure)


def _is_at(partner: Partnership, held: team.Team, secure: ssl.SSLContext) -> bool:
    team.texts(team.at(partner, held, secure), held)
    return True


def _secure(settings: Settings) -> ssl.SSLContext:
    """What partners are believed by, and the own authority."""
    secure, own = trusting(settings), settings.folder / "tls" / "authority.pem"
    if own.exists():
        secure.load_verify_locations(cadata=own.read_text("ascii"))
    return secure


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

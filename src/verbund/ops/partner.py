"""`verbund partner …`: two operators agree. Writes down what is wanted; the running server talks to the other one."""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select

from verbund.base.ids import ProviderId
from verbund.base.refusal import Refusal, all_refusals
from verbund.base.settings import Settings, load
from verbund.log.store import Store
from verbund.log.tx import Tx
from verbund.partners.agreements import book, codes, queries
from verbund.partners.agreements.book import CODE_DAYS, CODE_DAYS_MAX, Own
from verbund.partners.agreements.queries import AGREED, ENDED, ENDING, OFFERED, SHOWN_ID_CHARS, Partnership
from verbund.partners.agreements.refusals import NotConfirmed, NothingToConfirm
from verbund.partners.agreements.schemas import REPORT_FILE, Report
from verbund.partners.agreements.statements import NAME_CHARS_MAX, plain
from verbund.partners.agreements.texts import newest_common, texts, version_of
from verbund.partners.proofs import counts
from verbund.partners.schemas import PartnerStatus
from verbund.spaces import tables

Result = TypeVar("Result")
Beside = Callable[[Settings, Callable[[Any, Any], Any]], Any]
#: How long the command waits for the running server to reach the other one.
PATIENCE_S = 20.0
LOOK_S = 0.25
REPORT_AGE_MS_MAX = 15_000
TITLES_MAX = 50
_GROUP = 6
_STATES = {
    queries.ASKED: "angefragt",
    OFFERED: "hat unseren Code benutzt",
    AGREED: "vereinbart",
    ENDED: "beendet",
    ENDING: "vorläufig beendet, wartet auf `verbund confirm`",
}


def add_partner(subparsers: Any, beside: Beside) -> None:
    """Register `partner` with its own commands."""
    whole = subparsers.add_parser("partner", help="mit einem anderen Anbieter zusammenarbeiten")
    whole.set_defaults(run=lambda args: _explain(whole, args))
    commands = whole.add_subparsers(title="Befehle")
    one = command(commands, "invite", "einen Code für den anderen Betreiber machen", partial(_invite, beside))
    one.add_argument("--days", type=int, default=CODE_DAYS, help=f"wie lange er gilt (Vorgabe: {CODE_DAYS})")
    one = command(commands, "join", "den Code des anderen Betreibers annehmen", partial(_join, beside))
    one.add_argument("code", metavar="CODE")
    one = command(commands, "agree", "der Vereinbarung zustimmen", partial(_agree, beside))
    one.add_argument("partner", metavar="PARTNER", help="Name oder Anfang des Fingerabdrucks")
    one.add_argument("--by", required=True, metavar="NAME", help="wer zustimmt, mit Vor- und Nachname")
    one.add_argument("--yes", action="store_true", help="nicht nachfragen")
    command(commands, "list", "alle Partner und ihren Stand zeigen", partial(_list, beside))
    one = command(commands, "end", "eine Partnerschaft beenden, erst vorläufig", partial(_end, beside))
    one.add_argument("--dry-run", action="store_true", help="nur sagen, was geschähe")
    one.add_argument("partner", metavar="PARTNER", help="Name oder Anfang des Fingerabdrucks")
    one.add_argument("--yes", action="store_true", help="nicht nachfragen")

    about = "bestätigen, was vorläufig gilt (partner end); sonst wird es nach fünf Minuten zurückgenommen"
    one = command(subparsers, "confirm", about, partial(_confirm_or_revert, beside))
    one.add_argument("--revert", action="store_true", help="sofort zurücknehmen")


def command(commands: Any, name: str, about: str, run: Callable[[argparse.Namespace, Settings], int]) -> Any:
    one = commands.add_parser(name, help=about)
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--port", type=int, help="Port, unter dem Verbund läuft (Vorgabe: 8420)")
    one.set_defaults(run=lambda args: run(args, load(data=args.data, port=args.port)))
    return one


def _explain(parser: Any, _args: argparse.Namespace) -> int:
    parser.print_help()
    return 2


def _invite(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    days = min(max(args.days, 1), CODE_DAYS_MAX)
    code = do(beside, settings, lambda tx, own: book.invite(tx, own, days))
    say(codes.written(code))
    say("")
    say(f"  Adresse        {code.address}")
    say(f"  Fingerabdruck  {grouped(code.provider)}")
    say(f"  gilt bis       {_day(code.expires_at)}, für einen Anbieter")
    say("Geben Sie diesen Code nur dem anderen Betreiber, und vergleichen Sie mit ihm den Fingerabdruck.")
    say("Dort: verbund partner join CODE")
    return 0


def _join(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    code = do(beside, settings, lambda tx, own: book.join(tx, own, args.code))
    held = patiently(settings, code.provider, lambda one: one.heard_at is not None or one.problem is not None)
    if held.heard_at is None:
        say(trouble(held) or "Angenommen. Sobald Verbund hier läuft, fragt es beim anderen Anbieter an.")
        return int(held.state == ENDED)
    card(held)
    say(f"Zustimmen: verbund partner agree {quoted(held)} --by 'Vorname Nachname'")
    return 0


def _agree(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    held = do(beside, settings, lambda tx, _own: queries.named(tx.connection, args.partner))
    by = plain(args.by)[:NAME_CHARS_MAX]
    card(held)
    text = newest_common(held.texts)
    if text is not None and not args.yes:
        say(texts()[text])
    confirm(args.yes, f"Stimmen Sie dieser Vereinbarung mit {held.shown_name} zu?", "ja")
    do(beside, settings, lambda tx, _own: book.agree(tx, held.provider, by))
    held = patiently(settings, held.provider, lambda one: one.state == AGREED or one.their_text is None)
    if held.state == AGREED:
        say(f"Vereinbart mit {held.shown_name}: Beide haben der Fassung {_version(held.own_text)} zugestimmt.")
        say("Organisationen können diesen Partner jetzt wählen: Einstellungen, „Wo unsere Daten liegen“.")
    else:
        say(f"Ihre Zustimmung ist festgehalten. Es fehlt noch die von {held.shown_name}.")
    return 0


def _list(beside: Beside, _args: argparse.Namespace, settings: Settings) -> int:
    def read(tx: Tx, _own: Own) -> tuple[list[Partnership], int, dict[ProviderId, int]]:
        return (
            queries.partnerships(tx.connection),
            queries.open_codes(tx.connection, tx.now_ms()),
            counts(tx.connection),
        )

    found, waiting, proven = do(beside, settings, read)
    links = _links(settings)
    for one in found:
        card(one, links, listed=True)
        _tell_proofs(proven.pop(ProviderId(one.provider), 0))
    for provider, proofs in sorted(proven.items()):
        say(f"{provider[:SHOWN_ID_CHARS]} – kein Partner von hier")
        say(f"  {'Fingerabdruck':<15}{grouped(provider)}")
        _tell_proofs(proofs)
    if waiting:
        say(f"Offene Codes: {waiting}.")
    if not found and not waiting and not proven:
        say("Noch kein Partner. Ein Code für einen anderen Betreiber: verbund partner invite")
    return 0


def _tell_proofs(count: int) -> None:
    """A proof stays, whether its provider is linked, away, or was never met."""
    if count:
        say(f"  {'Widersprüche':<15}{count} bewiesen: zwei verschiedene Fassungen eines Verlaufs, beide unterschrieben")


def _end(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    def read(tx: Tx, _own: Own) -> tuple[Partnership, list[tuple[str, int]]]:
        held = queries.named(tx.connection, args.partner)
        return held, _titles_at(tx, held.provider)

    held, titles = do(beside, settings, read)
    _tell_what_ends(held, titles)
    if args.dry_run:
        say("Es wurde nichts verändert.")
        return 0
    confirm(args.yes, f"Partnerschaft beenden? Dann geben Sie den Namen ein: {held.shown_name}", held.shown_name)
    if held.state == AGREED:
        do(beside, settings, lambda tx, _own: book.end_for_now(tx, held.provider))
        say(f"Vorläufig beendet. Hier gilt es ab jetzt; {held.shown_name} weiß noch nichts davon.")
        say("Prüfen Sie, ob alles weitergeht, und bestätigen Sie innerhalb von fünf Minuten: verbund confirm")
        say("Sonst gilt die Partnerschaft danach von selbst wieder. Sofort zurück: verbund confirm --revert")
        return 0
    return _end_for_good(beside, settings, [held])


def _tell_what_ends(held: Partnership, titles: list[tuple[str, int]]) -> None:
    if not titles:
        say(f"Bei {held.shown_name} liegen keine Bereiche von hier.")
        return
    say(f"Bei {held.shown_name} liegen auch:")
    for title, spaces in titles[:TITLES_MAX]:
        say(f"  {plain(title)} ({spaces} {'Bereich' if spaces == 1 else 'Bereiche'})")
    if len(titles) > TITLES_MAX:
        say(f"  und {len(titles) - TITLES_MAX} weitere")
    say("Nach dem Ende wird nichts mehr übertragen: Fällt dieser Anbieter aus, steht dort kein neuer Stand bereit.")
    say("Die Kopien dort bleiben, bis die Organisationen den Partner abwählen und er sie löscht.")


def _confirm_or_revert(beside: Beside, args: argparse.Namespace, settings: Settings) -> int:
    """What was done for now is done for good, or taken back. Raises NothingToConfirm."""
    if args.revert:
        back = do(beside, settings, lambda tx, _own: book.take_back(tx, overdue_only=False))
        if not back:
            raise NothingToConfirm()
        for one in back:
            say(f"Zurückgenommen: Die Partnerschaft mit {one.shown_name} gilt wieder.")
        return 0
    waiting = do(beside, settings, lambda tx, _own: queries.ending(tx.connection))
    if not waiting:
        raise NothingToConfirm()
    return _end_for_good(beside, settings, waiting)


def _end_for_good(beside: Beside, settings: Settings, ending: list[Partnership]) -> int:
    for one in ending:
        do(beside, settings, partial(_end_one, one.provider))
        held = patiently(settings, one.provider, lambda one: one.end_told or one.problem is not None)
        told = "Der Partner weiß es." if held.end_told else "Der Partner erfährt es, sobald er erreichbar ist."
        say(f"Beendet: die Partnerschaft mit {held.shown_name}. {told}")
    return 0


def _end_one(provider: str, tx: Tx, _own: Own) -> None:
    book.end(tx, provider)


def do(beside: Beside, settings: Settings, work: Callable[[Tx, Own], Result]) -> Result:
    def with_own(tx: Tx, provider: ProviderId) -> Result:
        return work(tx, Own(provider, settings.origin))

    done: Result = beside(settings, with_own)
    return done


def patiently(settings: Settings, provider: str, enough: Callable[[Partnership], bool]) -> Partnership:
    """What is written down once the server has got somewhere, or patience ends. Only reads."""
    deadline, store = time.monotonic() + PATIENCE_S, Store(settings.database_url)
    try:
        while True:
            with store.read() as connection:
                held = queries.found(connection, provider)
            if enough(held) or time.monotonic() > deadline:
                return held
            time.sleep(LOOK_S)
    finally:
        store.close()


def _titles_at(view: Tx, provider: ProviderId) -> list[tuple[str, int]]:
    """(title of an organisation or other top space that lives at this provider too, how many spaces in it do)."""
    at, space, title = tables.space_provider.c, tables.space.c, tables.space_title.c
    rows = view.execute(
        select(space.space, space.parent, title.title)
        .join(tables.space_provider, at.space == space.space)
        .join(tables.space_title, title.space == space.space, isouter=True)
        .where(at.provider == provider)
        .order_by(title.title, space.space)
    ).all()
    tops = {row.space: row.title or "" for row in rows if row.parent is None}
    counts: dict[str, int] = dict.fromkeys(tops, 1)
    for row in rows:
        if row.parent is not None:
            tops.setdefault(row.parent, "")
            counts[row.parent] = counts.get(row.parent, 0) + 1
    return [(title or space[:8], counts[space]) for space, title in tops.items()]


def _links(settings: Settings) -> dict[str, PartnerStatus] | None:
    """How the running server's links stand; None when it does not run, or has not said so lately."""
    try:
        report = msgspec.json.decode((settings.folder / REPORT_FILE).read_bytes(), type=Report)
    except (OSError, msgspec.MsgspecError):
        return None
    return {one.provider: one for one in report.links} if time.time() * 1000 - report.at < REPORT_AGE_MS_MAX else None


def _link(one: Partnership, links: dict[str, PartnerStatus] | None) -> str:
    if one.state != AGREED:
        return ""
    if links is None:
        return "unbekannt: Verbund läuft hier nicht"
    seen = links.get(one.provider)
    if seen is None:
        return "noch nie verbunden, seit Verbund hier läuft"
    last = f", zuletzt gleich {_moment(seen.equal_at)}" if seen.equal_at else ""
    stands = "verbunden" if seen.linked else "nicht verbunden"
    behind = f", {seen.backlog} Einträge zurück ({seen.lag_ms / 1000:.1f} s)" if seen.backlog else ""
    return f"{stands}{behind}{last}"


def card(one: Partnership, links: dict[str, PartnerStatus] | None = None, *, listed: bool = False) -> None:
    say(f"{one.shown_name}{f' ({one.place})' if one.place else ''} – {_STATES[one.state]}")
    lines = [
        ("Fingerabdruck", grouped(one.provider)),
        ("Adresse", one.address or "wählt sich selbst hier ein"),
        ("Kontakt", one.contact),
        ("Verbund", one.version),
        ("Vereinbarung", _both(one)),
        ("Verbindung", _link(one, links) if listed else ""),
        ("zuletzt gehört", _moment(one.heard_at)),
        ("Störung", trouble(one)),
    ]
    for title, said in lines:
        if said:
            say(f"  {title:<15}{said}")


def _both(one: Partnership) -> str:
    if one.state == ENDED:
        who = {"us": "von uns", "them": "vom Partner"}.get(one.ended_by or "", "")
        return f"{who} beendet am {_moment(one.ended_at)}"
    ours = f"wir: Fassung {_version(one.own_text)}, {one.own_by}, {_moment(one.own_at)}" if one.own_text else ""
    theirs = (
        f"Partner: Fassung {_version(one.their_text)}, {one.their_by}, {_moment(one.their_at)}"
        if one.their_text
        else ""
    )
    return "; ".join(part for part in (ours or "wir: noch nicht", theirs or "Partner: noch nicht"))


def _version(text: str | None) -> str:
    return version_of(text) or (text or "")[:8]


def trouble(one: Partnership) -> str:
    if one.problem is None:
        return ""
    kind = next((kind for kind in all_refusals() if kind.code == one.problem), Refusal)
    return kind().sentence("de")


def confirm(given: bool, question: str, wanted: str) -> None:
    """Raises NotConfirmed."""
    if given:
        return
    say(question)
    if not sys.stdin.isatty() or input("> ").strip().casefold() != wanted.casefold():
        raise NotConfirmed()


def grouped(provider: str) -> str:
    """A fingerprint in groups that can be read out."""
    return " ".join(provider[start : start + _GROUP] for start in range(0, len(provider), _GROUP))


def quoted(one: Partnership) -> str:
    """How to name a partner in a command."""
    return one.name if one.name.isalnum() else one.provider[:8]


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%d.%m.%Y")


def _moment(at_ms: int | None) -> str:
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%d.%m.%Y %H:%M")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")

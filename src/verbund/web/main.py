"""`verbund`: the one command line."""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verbund import __version__
from verbund.base.refusal import Refusal
from verbund.base.settings import Settings, load

if TYPE_CHECKING:
    from verbund.ops.transfer import Tables

GRACE_S = 5
KEEP_ALIVE_S = 75
FRAME_BYTES_MAX = 256 * 1024
BACKLOG = 2048
#: New objects between two searches for cycles.
GC_OBJECTS = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it went well."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return 2
    try:
        return int(args.run(args) or 0)
    except Refusal as refusal:
        sys.stderr.write(f"verbund: {refusal.sentence('de')}\n         {refusal.sentence('en')}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def serve(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from verbund.web.welcome import announce

    return _serve(load(data=args.data, host=args.host, port=args.port), announce)


def demo(args: argparse.Namespace) -> int:
    """Serve a demo firm in a data folder of its own; with `remove`, delete that folder."""
    from verbund.ops.demo import remove
    from verbund.web.welcome import announce_demo

    settings = load(data=args.data, port=args.port)
    if args.action == "remove":
        remove(settings.folder)
        sys.stdout.write(f"Die Demofirma in {settings.data} ist gelöscht. / The demo firm is removed.\n")
        return 0
    return _serve(settings, announce_demo)


def _serve(settings: Settings, opened: Callable[[Any, Any], Coroutine[Any, Any, None]]) -> int:
    """Serve; `opened(services, server)` speaks once it listens."""
    import uvicorn

    from verbund.web.app import create_app
    from verbund.web.socket import Socket

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("uvicorn.error", "httpx", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    app = create_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, loop="uvloop",
        http="httptools", ws=Socket, ws_per_message_deflate=False, ws_max_size=FRAME_BYTES_MAX,
        ws_ping_interval=None, timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=KEEP_ALIVE_S, backlog=BACKLOG,
        server_header=False, proxy_headers=settings.behind_proxy, **tls(settings),
    )  # fmt: skip
    server = uvicorn.Server(config)

    async def run() -> None:
        announcing = asyncio.create_task(opened(app.services, server))
        announcing.add_done_callback(_complain)
        await server.serve()
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)

    # What is loaded now stays; and a batch of messages makes thousands of objects that soon go again without a search.
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())
    return 0 if server.started else 1


def _complain(task: "asyncio.Task[None]") -> None:
    """What went wrong while speaking must be seen; the server goes on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logging.getLogger(__name__).error("could not finish: %s", error, exc_info=error)


def setup_link(args: argparse.Namespace) -> int:
    """A one-time link with which another firm opens here, also while the provider serves."""
    from verbund.accounts.commands import make_setup_link

    return _link(args, "willkommen", make_setup_link)


def reset_link(args: argparse.Namespace) -> int:
    """A one-time link with which somebody sets a new password, also while the provider serves."""
    from verbund.accounts.commands import make_reset_link_for_handle

    return _link(args, "passwort", lambda tx: make_reset_link_for_handle(tx, args.handle))


def _link(args: argparse.Namespace, page: str, make: Callable[[Any], str]) -> int:
    from verbund.web import capabilities
    from verbund.web.composition import Services
    from verbund.web.upkeep import write_beside

    settings = load(data=args.data, port=args.port)
    token = write_beside(Services(settings, capabilities), make)
    sys.stdout.write(f"{settings.origin}/{page}#{token}\n")
    return 0


def rebuild(args: argparse.Namespace) -> int:
    """Empty every table that folds fill and fold the whole log again."""
    from verbund.web import capabilities
    from verbund.web.composition import Services
    from verbund.web.upkeep import refold

    services = Services(load(data=args.data), capabilities)
    count = asyncio.run(refold(services))
    sys.stdout.write(f"{count} Einträge neu gefaltet. / {count} entries folded again.\n")
    return 0


def seal(args: argparse.Namespace) -> int:
    """Pack old entries, and give the space back that the database does not need any more."""
    from verbund.web import capabilities
    from verbund.web.composition import Services
    from verbund.web.upkeep import seal as seal_all

    count, before, after = asyncio.run(seal_all(Services(load(data=args.data), capabilities), args.all))
    sizes = f"{before // 1024} → {after // 1024} KiB"
    sys.stdout.write(f"{count} Segmente versiegelt, {sizes}. / {count} segments sealed, {sizes}.\n")
    return 0


def head_key(args: argparse.Namespace) -> int:
    """Show or renew the key that signs this provider's sub-logs, also while the provider serves."""
    from verbund.web.upkeep import head_key_report

    lines = head_key_report(load(data=args.data), args.action == "renew", args.action == "stolen")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def tls(settings: Settings) -> dict[str, Any]:
    """For uvicorn: certificate and key; an own authority issues them where that is wanted."""
    if not settings.tls:
        return {}
    if settings.tls_certificate == "self":
        from verbund.web.certificate import own_certificate

        certificate, key = own_certificate(settings)
        return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
    return {"ssl_certfile": settings.tls_certificate, "ssl_keyfile": settings.tls_key}


def _parser() -> argparse.ArgumentParser:
    about = "Verbund: offen, selbst betrieben, bei mehreren Anbietern."
    parser = argparse.ArgumentParser(prog="verbund", description=about)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="Befehle")
    one = commands.add_parser("serve", help="Verbund starten")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.add_argument("--host", help="Adresse, auf der gelauscht wird")
    one.add_argument("--port", type=int, help="Port (Vorgabe: 8420)")
    one.set_defaults(run=serve)
    one = commands.add_parser("demo", help="eine Demofirma zeigen (eigener Datenordner)")
    one.add_argument("action", nargs="?", choices=("start", "remove"), default="start")
    one.add_argument("--data", default="data/demo", help="Datenordner (Vorgabe: data/demo)")
    one.add_argument("--port", type=int, default=8421, help="Port (Vorgabe: 8421)")
    one.set_defaults(run=demo)
    one = commands.add_parser("rebuild", help="alle Tabellen aus dem Protokoll neu aufbauen")
    one.add_argument("--data", help="Datenordner")
    one.set_defaults(run=rebuild)
    one = commands.add_parser("seal", help="alte Einträge packen und den Platz zurückgeben (Verbund steht dabei still)")
    one.add_argument("--all", action="store_true", help="auch die neuen, so weit sie ein Segment füllen")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.set_defaults(run=seal)
    one = commands.add_parser(
        "head-key", help="den Schlüssel zeigen oder erneuern, der unsere Protokolle unterschreibt"
    )
    one.add_argument("action", nargs="?", choices=("show", "renew", "stolen"), default="show")
    one.add_argument("--data", help="Datenordner (Vorgabe: data)")
    one.set_defaults(run=head_key)
    one = commands.add_parser("setup-link", help="einmaliger Link, mit dem eine weitere Firma hier anfängt")
    one.set_defaults(run=setup_link)
    two = commands.add_parser("reset-link", help="einmaliger Link für ein neues Passwort")
    two.add_argument("handle", help="Anmeldename")
    two.set_defaults(run=reset_link)
    for command in (one, two):
        command.add_argument("--data", help="Datenordner (Vorgabe: data)")
        command.add_argument("--port", type=int, help="Port, unter dem Verbund läuft (Vorgabe: 8420)")
    _add_operations(commands)
    return parser


def _add_operations(commands: Any) -> None:
    from verbund.ops.commands import Top, add_commands

    add_commands(commands, Top(_documents, _renew, _tables, _beside, _services, _alone, _runs))


def _documents() -> dict[str, Any]:
    from verbund.web.documents import documents

    return documents()


def _renew(folder: Path) -> None:
    from verbund.web.installation import next_incarnation

    next_incarnation(folder)


def _tables() -> "Tables":
    from verbund.log.store import metadata
    from verbund.ops.transfer import Tables
    from verbund.web import capabilities
    from verbund.web.migrations import bring_forward

    assert capabilities.PARTS  # importing them is what declares their tables
    return Tables(metadata, bring_forward)


def _beside(settings: Settings, work: Callable[[Any, Any], Any]) -> Any:
    from verbund.web import capabilities
    from verbund.web.composition import Services
    from verbund.web.upkeep import write_beside

    services = Services(settings, capabilities)
    return write_beside(services, lambda tx: work(tx, services.installation.provider))


def _services(settings: Settings) -> Any:
    from verbund.web import capabilities
    from verbund.web.composition import Services

    services = Services(settings, capabilities)
    capabilities.prepare(services.store)
    return services


def _alone(services: Any, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    from verbund.web.upkeep import alone

    return asyncio.run(alone(services, work))


def _runs(settings: Settings) -> bool:
    from verbund.web.installation import AlreadyRunning, FolderLock

    lock = FolderLock(settings.folder)
    try:
        lock.take()
    except AlreadyRunning:
        return True
    lock.release()
    return False


if __name__ == "__main__":
    sys.exit(main())

"""The built app as files: what the browser loads first, with the headers that keep it safe."""

import mimetypes
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

INDEX = "index.html"
IMMUTABLE = "/_app/immutable/"
_META_CSP = re.compile(r'<meta http-equiv="content-security-policy" content="([^"]*)">', re.IGNORECASE)
_CONNECT = re.compile(r"connect-src [^;]*")
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))

FALLBACK_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
NOT_BUILT = (
    "<!doctype html><html lang=de><meta charset=utf-8><title>Verbund</title><style>body{font:16px/1.5 system-ui;"
    "max-width:34rem;margin:15vh auto;padding:0 1rem}</style><h1>Verbund läuft</h1><p>Die App ist noch nicht gebaut. "
    "<code>make up</code> baut sie. / The app is not built yet; <code>make up</code> builds it.</p></html>"
)


class Asset(NamedTuple):
    """One file as it is sent."""

    body: bytes
    headers: list[tuple[bytes, bytes]]


class Shell:
    """Files of the built app, by path. Unknown paths get the index: the app's router decides."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built_ns = -1
        self._files: tuple[int, dict[str, Path]] = (self._built_ns, {})
        self.csp = FALLBACK_CSP
        self.refresh()

    def refresh(self) -> bool:
        """Look again when the app was built anew meanwhile; whether it was."""
        index = self._folder / INDEX
        built_ns = index.stat().st_mtime_ns if index.is_file() else 0
        if built_ns == self._built_ns:
            return False
        self._built_ns = built_ns
        self.csp = _csp(index.read_text("utf-8")) if built_ns else FALLBACK_CSP
        return True

    def _there(self) -> dict[str, Path]:
        """path → file, of the present build; looked for when the first page is asked for."""
        (of_ns, files), built_ns = self._files, self._built_ns
        if of_ns != built_ns:
            root = os.fspath(self._folder)
            files = {
                f"{folder.removeprefix(root)}/{name}": Path(folder, name)
                for folder, _, names in os.walk(root)
                for name in names
                if not name.endswith((".br", ".gz"))
            }
            self._files = built_ns, files
        return files

    def asset(self, path: str, accepted: str) -> Asset | None:
        """The file at this path (the index for `/`), compressed if the browser takes it; None where there is none."""
        file = self._there().get("/" + INDEX if path == "/" else path)
        return self._asset(path, file, accepted) if file else None

    def index(self, accepted: str) -> Asset:
        """The page that starts the app, whatever the address."""
        file = self._there().get("/" + INDEX)
        if file is None:
            return Asset(NOT_BUILT.encode(), [(b"content-type", b"text/html; charset=utf-8")])
        return self._asset("/", file, accepted)

    def _asset(self, path: str, file: Path, accepted: str) -> Asset:
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind in ("application/javascript", "application/json"):
            kind += "; charset=utf-8"
        keep = "public, max-age=31536000, immutable" if path.startswith(IMMUTABLE) else "no-cache"
        headers = [(b"content-type", kind.encode()), (b"cache-control", keep.encode()), (b"vary", b"accept-encoding")]
        for encoding, suffix in _ENCODINGS:
            packed = file.with_name(file.name + suffix)
            if encoding in accepted and packed.is_file():
                return Asset(packed.read_bytes(), [*headers, (b"content-encoding", encoding.encode())])
        return Asset(file.read_bytes(), headers)


def policy_for(csp: str, own: str, others: Iterable[str]) -> str:
    """The policy with the providers that the page may speak to, named one by one."""
    named = " ".join(source for origin in (own, *others) for source in (origin, "ws" + origin.removeprefix("http")))
    return _CONNECT.sub(lambda _: f"connect-src 'self' {named}", csp)


def worker_policy(secure: bool) -> str:
    """The service worker's: it is read once and kept, so it names no provider. Only its own script runs in it."""
    return f"default-src 'none'; script-src 'self'; connect-src 'self' https:{'' if secure else ' http:'}"


def security_headers(csp: str, secure: bool) -> list[tuple[bytes, bytes]]:
    """What every answer carries. No request of a page may leave for a third party."""
    headers = [
        (b"content-security-policy", csp.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(self), microphone=(self), display-capture=(self), geolocation=(), usb=()"),
    ]
    if secure:
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers


def with_headers(send: Any, extra: list[tuple[bytes, bytes]]) -> Any:
    """A `send` that adds headers to the answer unless the answer sets them itself."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name, value) for name, value in extra if name not in present]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return sending


def _csp(html: str) -> str:
    found = _META_CSP.search(html)
    policy = found[1].replace("&#39;", "'").replace("&quot;", '"') if found else FALLBACK_CSP
    return policy if "frame-ancestors" in policy else f"{policy}; frame-ancestors 'none'"

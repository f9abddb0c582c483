"""Somebody who uses Verbund from Python, through the public interface alone: keys of their own, signed facts, HTTP.

The demo, the tests and the benchmarks are such people. Not a second way in: the same routes, the same rules.
"""

import mimetypes
import ssl
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from verbund.accounts.challenges import login_message
from verbund.base.clock import Clock, Hlc, SystemClock
from verbund.base.ids import AccountId, CoreId, SpaceId, b64, direct_space, personal_space, unb64
from verbund.base.keys import DeviceKey
from verbund.log.core import Parcel, make_parcel
from verbund.log.stored import salt

TIMEOUT_S = 60.0
CHUNK_BYTES = 4 * 1024 * 1024
JOIN_DOMAIN = b"verbund/join/1\0"


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates people trust. Reading them takes a while, so everybody shares them."""
    return httpx.create_ssl_context()


class Declined(Exception):
    """The provider said no. `code` as in problem+json or the outcome."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class Person:
    """A person with one device at one provider."""

    def __init__(
        self, address: str, name: str, key: DeviceKey | None = None, clock: Clock | None = None,
        secure: ssl.SSLContext | bool = True,
    ) -> None:  # fmt: skip
        self.address, self.name, self.secure = address.rstrip("/"), name, secure
        self.key = key or DeviceKey.generate()
        self.hlc = Hlc(clock or SystemClock())
        self.account = AccountId("")
        self.organisation = SpaceId("")
        #: What shows who this is where there is no cookie.
        self.token = ""
        self._last: dict[SpaceId, tuple[int, CoreId | None]] = {}
        self._heads: dict[SpaceId, list[str]] = {}
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.address))
        self.http = httpx.Client(
            base_url=self.address,
            headers={"origin": origin},
            timeout=TIMEOUT_S,
            trust_env=False,
            verify=_authorities() if secure is True else secure,
        )

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The answer as JSON. Raises Declined."""
        response = self.http.request(method, path, **arguments)
        if response.status_code >= 400:
            problem = _problem(response)
            raise Declined(response.status_code, problem.get("code", ""), problem.get("detail", response.text[:200]))
        return response.json() if response.content else None

    def found(self, setup: str, organisation: str, handle: str, password: str, form: str = "sie") -> SpaceId:
        """Open the first account with the one-time link, and the firm with it."""
        genesis, parcels = self._account()
        provider = self.call("GET", "/api/provider")["provider"]
        self.organisation, parcel = self.begin(
            "authority.space_created.1", {
                "sort": "organisation", "title": organisation, "parent": None, "account": genesis,
                "providers": [provider], "address_form": form,
            },
        )  # fmt: skip
        self._register({"setup": setup}, handle, password, [*parcels, parcel])
        return self.organisation

    def join(self, link: str, handle: str, password: str) -> SpaceId:
        """Open an account with an invitation link (its part after #: space.invitation.seed)."""
        parcels, invitation = self.joining(link)
        self._register({"invitation": invitation}, handle, password, parcels)
        return self.organisation

    def joining(self, link: str) -> tuple[list[Parcel], dict[str, str]]:
        """(the facts of an account that joins by invitation link, what proves it)."""
        space, invitation, seed = link.rsplit("#", 1)[-1].split(".")
        genesis, parcels = self._account()
        proof = b64(DeviceKey(unb64(seed)).sign(JOIN_DOMAIN + f"{space}\0{genesis}".encode("ascii")))
        body = {"account": genesis, "invitation": invitation, "proof": proof, "parent_heads": []}
        joined = self.parcel(SpaceId(space), "authority.member_joined.1", body, ah=[invitation])[1]
        self.organisation = SpaceId(space)
        return [*parcels, joined], {"id": invitation, "sig": proof}

    def enter(self, link: str) -> SpaceId:
        """Join a space by invitation link with the account one has."""
        space, invitation, seed = link.rsplit("#", 1)[-1].split(".")
        proof = b64(DeviceKey(unb64(seed)).sign(JOIN_DOMAIN + f"{space}\0{self.account}".encode("ascii")))
        body = {"account": self.account, "invitation": invitation, "proof": proof, "parent_heads": []}
        self.submit([self.parcel(SpaceId(space), "authority.member_joined.1", body, ah=[invitation])[1]])
        return SpaceId(space)

    def come_in(self, account: AccountId) -> None:
        """Be let in by the key of a device that this provider knows, at a provider that need not be home."""
        told = self.call("POST", "/api/sessions/challenge", json={})
        dev, nonce = self.key.device, told["nonce"]
        signature = b64(self.key.sign(login_message(nonce, told["audience"], dev)))
        body = {"dev": dev, "challenge": nonce, "sig": signature, "bearer": True}
        signed = self.call("POST", "/api/sessions/device", json=body)
        self.token = str(signed["token"])
        self.http.headers["authorization"] = f"Bearer {self.token}"
        self.account = account

    def create(self, title: str, sort: str = "team") -> SpaceId:
        """A new space of the firm."""
        provider = self.call("GET", "/api/provider")["provider"]
        body = {
            "sort": sort, "title": title, "parent": self.organisation, "account": self.account,
            "providers": [provider], "address_form": "sie",
        }  # fmt: skip
        space, parcel = self.begin("authority.space_created.1", body)
        self.submit([parcel])
        return space

    def invite(
        self, space: SpaceId, role: str = "member", uses_max: int | None = None, expires_at: int | None = None
    ) -> str:
        """An invitation link."""
        key = DeviceKey.generate()
        body = {
            "key": b64(key.public.raw), "role": role, "expires_at": expires_at, "uses_max": uses_max, "note": "",
        }  # fmt: skip
        invitation = self.post(space, "authority.invitation_made.1", body)
        return f"{self.address}/einladung#{space}.{invitation}.{b64(key.seed)}"

    def join_team(self, space: SpaceId) -> None:
        """Enter a team of one's firm."""
        heads = self.call("GET", f"/api/spaces/{self.organisation}/head")["heads"]
        body = {"account": self.account, "invitation": None, "proof": None, "parent_heads": heads}
        self.submit([self.parcel(space, "authority.member_joined.1", body, re=heads, ah=[space])[1]])

    def direct(self, *others: AccountId) -> SpaceId:
        """The conversation with these people."""
        people = sorted([self.account, *others])
        space = direct_space(people)
        parcel = self.parcel(space, "authority.direct_opened.1", {"people": people}, ah=[])[1]
        self.submit([parcel])
        return space

    def say(self, space: SpaceId, text: str, channel: str | None = None, **body: Any) -> CoreId:
        """Post a message."""
        named = [one for one in (channel, body.get("reply_to")) if one]
        whole = {"text": text, "channel": channel, "mentions": [], "files": [], "blobs": [], "reply_to": None, **body}
        return self.post(space, "chat.message_posted.1", whole, re=named)

    def post(self, space: SpaceId, kind: str, body: dict[str, Any], re: Iterable[str] = ()) -> CoreId:
        """Sign a fact and submit it. Raises Declined."""
        core, parcel = self.parcel(space, kind, body, re=list(re))
        self.submit([parcel])
        return core

    def begin(self, kind: str, body: dict[str, Any]) -> tuple[SpaceId, Parcel]:
        """The first fact of a new space."""
        core: dict[str, Any] = {
            "ah": [], "bk": None, "dp": None, "ds": 1, "k": kind, "mu": False, "re": [], "t": self.hlc.tick(),
        }  # fmt: skip
        identifier, parcel = make_parcel(self.key, core, body, salt())
        space = SpaceId(identifier)
        self._last[space], self._heads[space] = (1, identifier), [space]
        return space, parcel

    def parcel(
        self, space: SpaceId, kind: str, body: dict[str, Any], re: Iterable[str] = (), ah: list[str] | None = None
    ) -> tuple[CoreId, Parcel]:
        """The next fact of this device in a space, signed; it must be submitted in this order."""
        ds, dp = self.stand(space) if ah is None else self._last.get(space, (0, None))
        core = {
            "ah": sorted(self._heads.get(space, [space]) if ah is None else ah), "bk": None, "dp": dp, "ds": ds + 1,
            "k": kind, "mu": False, "re": list(re), "sp": space, "t": self.hlc.tick(),
        }  # fmt: skip
        identifier, parcel = make_parcel(self.key, core, body, salt())
        self._last[space] = (ds + 1, identifier)
        return identifier, parcel

    def submit(self, parcels: list[Parcel]) -> None:
        """Raises Declined for the first that is not accepted; what was asked for or refused is forgotten here."""
        wire = {"parcels": [msgspec.to_builtins(one) for one in parcels]}
        for outcome in self.call("POST", "/api/log", json=wire)["outcomes"]:
            if outcome["st"] != "accepted":
                self._last.clear()
                raise Declined(409, outcome.get("code", outcome["st"]), outcome.get("detail", str(outcome)))

    def upload(self, space: SpaceId, data: bytes, name: str) -> dict[str, Any]:
        """Put a file into a space; its description as messages and films carry it."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        chunks = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)] or [b""]
        hashes = [b64(sha256(chunk).digest()) for chunk in chunks]
        whole = {"hash": b64(sha256(data).digest()), "size": len(data), "chunks": hashes, "type": kind}
        for missing in self.call("POST", f"/blobs/{space}/have", json=whole)["missing"]:
            self.call("PUT", f"/blobs/{space}/chunks/{hashes[missing]}", content=chunks[missing])
        self.call("POST", f"/blobs/{space}/commit", json=whole)
        return {"hash": whole["hash"], "name": name, "type": kind, "size": len(data)}

    def refresh(self) -> None:
        """Forget where this device stands: ask the provider before the next fact."""
        self._last.clear()
        self._heads.clear()

    def stand(self, space: SpaceId) -> tuple[int, CoreId | None]:
        """The last number of this device in a space and its core, asked for once."""
        if space not in self._last or space not in self._heads:
            head = self.call("GET", f"/api/spaces/{space}/head")
            self._last[space] = (head["ds"], head["dp"])
            self._heads[space] = head["heads"]
        return self._last[space]

    def _account(self) -> tuple[AccountId, list[Parcel]]:
        public = self.key.public
        genesis, first = self.begin("account.account_opened.1", {"alg": public.alg, "key": b64(public.raw)})
        self.account = AccountId(genesis)
        profile = self.parcel(genesis, "account.profile_changed.1", {"name": self.name}, ah=[genesis])[1]
        personal = personal_space(self.account)
        own = self.parcel(personal, "authority.personal_opened.1", {"account": self.account}, ah=[])[1]
        return self.account, [first, profile, own]

    def _register(self, proof: dict[str, Any], handle: str, password: str, parcels: list[Parcel]) -> None:
        body = {
            "proof": proof, "handle": handle, "password": password, "label": "Python",
            "parcels": [msgspec.to_builtins(one) for one in parcels],
        }  # fmt: skip
        self.call("POST", "/api/accounts", json=body)

    def close(self) -> None:
        self.http.close()


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}

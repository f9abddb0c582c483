"""Pages of other providers: which of them get a socket, what the content policy names, and who is closed at once."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_partners import eventually
from tests.web.test_live import WAIT_S, closed_with, kind, until
from verbund.accounts.challenges import login_message
from verbund.base import canonical
from verbund.base.ids import b64, unb64
from verbund.base.keys import DeviceKey, PublicKey, verify
from verbund.ops.client import Person
from verbund.partners.heads import check_certificate
from verbund.partners.hostlist import HOSTS_DOMAIN
from verbund.partners.schemas import Certificate
from verbund.web.neighbours import origin_of
from verbund.web.shell import policy_for

SUEDNETZ = "https://suednetz.example"
STRANGE = "https://strange.example"


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """Anna's firm, which lives at Südnetz too."""
    folder: Path = tmp_path_factory.mktemp("neighbours")
    server = Server(folder / "werkhof").start()
    firm = Firm(server)
    key = DeviceKey.generate().public
    body = {"provider": key.provider, "alg": "ed25519", "key": b64(key.raw), "name": "Südnetz", "url": SUEDNETZ}
    firm.anna.post(firm.anna.organisation, "authority.provider_added.1", body)
    eventually(lambda: SUEDNETZ in str(firm.anna.call("GET", "/api/me")["hosts"]))
    yield firm
    firm.close()
    server.stop()


def token_of(person: Person) -> str:
    asked = person.http.post("/api/sessions/challenge").json()
    message = login_message(asked["nonce"], asked["audience"], person.key.device)
    body = {"dev": person.key.device, "challenge": asked["nonce"], "sig": b64(person.key.sign(message)), "bearer": True}
    return str(person.http.post("/api/sessions/device", json=body).json()["token"])


def open_live(person: Person, origin: str, token: str = "", cookie: bool = False) -> ClientConnection:
    held = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    return connect(
        person.address.replace("http", "ws") + "/live", origin=origin,  # type: ignore[arg-type]
        subprotocols=["verbund.1", f"bearer.{token}"] if token else None,  # type: ignore[list-item]
        additional_headers={"Cookie": held} if cookie else None, compression=None, open_timeout=WAIT_S,
    )  # fmt: skip


def test_partners_page_gets_a_socket_with_a_token(firm: Firm) -> None:
    with open_live(firm.ben, SUEDNETZ, token_of(firm.ben)) as live:
        assert live.subprotocol == "verbund.1"
        assert until(live, kind("hello"))["account"] == firm.ben.account


def test_cookie_opens_no_socket_for_a_partners_page(firm: Firm) -> None:
    with open_live(firm.ben, SUEDNETZ, cookie=True) as live, pytest.raises(ConnectionClosed) as closed:
        live.recv(timeout=WAIT_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_wrong_token_opens_nothing_even_beside_a_cookie(firm: Firm) -> None:
    with open_live(firm.ben, firm.ben.address, "falsch", cookie=True) as live, pytest.raises(ConnectionClosed):
        live.recv(timeout=WAIT_S)


def test_strange_page_gets_no_socket_with_any_token(firm: Firm) -> None:
    with pytest.raises(InvalidHandshake):
        open_live(firm.ben, STRANGE, token_of(firm.ben))


def test_revoked_device_is_put_out_at_once(firm: Firm) -> None:
    lost = Person(firm.ben.address, "Ben unterwegs")
    device = {"alg": "ed25519", "key": b64(lost.key.public.raw), "label": "Laptop"}
    lost.call("POST", "/api/sessions", json={"handle": "ben", "password": PASSWORD, "device": device})
    token = token_of(lost)
    with open_live(lost, SUEDNETZ, token) as live:
        until(live, kind("hello"))
        row = next(one for one in firm.ben.call("GET", "/api/devices") if one["dev"] == lost.key.device)
        firm.ben.refresh()
        body = {"dev": lost.key.device, "cuts": {firm.ben.account: 0, **row["cuts"]}}
        firm.ben.post(firm.ben.account, "account.device_revoked.1", body)  # type: ignore[arg-type]
        assert closed_with(live) == "accounts.signed_out"
    with open_live(lost, SUEDNETZ, token) as live, pytest.raises(ConnectionClosed):
        live.recv(timeout=WAIT_S)
    lost.close()


def allowed(answer: httpx.Response) -> set[str]:
    """Where this page may speak to, itself not counted."""
    policy = answer.headers["content-security-policy"]
    if "connect-src" not in policy:
        pytest.skip("the app is not built")
    (part,) = (part for part in policy.split("; ") if part.startswith("connect-src"))
    here = f"http://{answer.url.host}:{answer.url.port}"
    return set(part.split()[1:]) - {"'self'", here, here.replace("http", "ws")}


def test_page_may_speak_to_where_its_reader_can_go_on_and_to_nobody_else(firm: Firm) -> None:
    both = {SUEDNETZ, "wss://suednetz.example"}
    assert allowed(firm.anna.http.get("/")) == both
    assert allowed(firm.anna.http.get("/gespraeche")) == both
    assert allowed(firm.anna.http.head("/")) == both


def test_page_of_nobody_speaks_to_this_provider_alone(firm: Firm) -> None:
    with httpx.Client(base_url=firm.anna.address) as stranger:
        for path in ("/", "/anmelden", "/index.html"):
            assert allowed(stranger.get(path)) == set()
        assert allowed(stranger.get("/", headers={"cookie": "verbund_session=falsch"})) == set()


def test_page_that_a_link_opens_may_ask_where_else_it_leads(firm: Firm) -> None:
    with httpx.Client(base_url=firm.anna.address) as stranger:
        assert allowed(stranger.get("/einladung")) == {SUEDNETZ, "wss://suednetz.example"}


def test_list_of_hosts_is_signed_for_its_reader(firm: Firm) -> None:
    told = firm.anna.call("GET", "/api/me")
    signed = told["signed"]
    said = canonical.decode(signed["said"].encode())
    assert said["account"] == firm.anna.account
    assert said["hosts"] == told["hosts"]
    assert PublicKey(signed["alg"], unb64(signed["root"])).provider == said["provider"] == told["hosts"][0]["provider"]
    shown = Certificate(
        said["provider"], signed["alg"], signed["root"], signed["key"], signed["number"], signed["until"],
        signed["revoked"], signed["certified"],
    )  # fmt: skip
    key = check_certificate(shown)
    message = HOSTS_DOMAIN + signed["said"].encode()
    assert verify(key, unb64(signed["sig"]), message)
    assert not verify(key, unb64(signed["sig"]), message.replace(b"suednetz", b"strange"))


@pytest.mark.parametrize(
    "url",
    ["https://a.example; script-src *", "https://a.example 'unsafe-inline'", "javascript:alert(1)", "https://", "x",
     "https://user@a.example", "https://[::1", "https://ä.example"],
)  # fmt: skip
def test_address_that_is_none_names_nobody(url: str) -> None:
    assert origin_of(url) == ""


def test_address_is_an_origin() -> None:
    assert origin_of("https://Suednetz.example:8443/pfad?x") == "https://suednetz.example:8443"
    assert origin_of("http://[::1]:8420") == "http://[::1]:8420"
    assert policy_for("a; connect-src 'self' ws:; b", "http://h:1", ["https://x"]) == (
        "a; connect-src 'self' http://h:1 ws://h:1 https://x wss://x; b"
    )

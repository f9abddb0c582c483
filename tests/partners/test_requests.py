"""Signed requests (RFC 9421): what is covered, when they count, and that none counts twice."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import httpx
import msgspec
import pytest

from verbund.base.keys import DeviceKey
from verbund.partners.identity import CLOCK_MS_MAX, NotProven, identity
from verbund.partners.refusals import Replayed
from verbund.partners.requests import IDENTITY, NONCES_MAX, Asker, Nonces, Received, check, sign

NOW = 1_800_000_000_000
URL = "https://werkhof.example/partners/bytes/abc/blob/def?as=it"
BODY = b'{"a":1}'
ROOT, DEVICE = DeviceKey.generate(), DeviceKey.generate()
OWN = identity(ROOT, DEVICE, 1)


def asked(url: str = URL, method: str = "GET", body: bytes | None = None, **headers: str) -> httpx.Request:
    request = httpx.Request(method, url, content=body, headers=headers)
    sign(OWN, DEVICE, request, NOW, body)
    return request


def came(request: httpx.Request, **changes: str) -> Received:
    """What arrives: with these headers instead, without those that are empty; `url` and `method` likewise."""
    method, url = changes.pop("method", request.method), changes.pop("url", str(request.url))
    headers = httpx.Headers(request.headers)
    for name, value in changes.items():
        headers[name.replace("_", "-")] = value
    return Received(method, url, httpx.Headers({name: value for name, value in headers.items() if value}))


def test_who_asked_is_known() -> None:
    asker = check(came(asked()), NOW)
    assert (asker.provider, asker.device) == (ROOT.public.provider, DEVICE.device)
    assert check(came(asked(method="POST", body=BODY)), NOW, BODY).provider == ROOT.public.provider
    assert check(came(asked()), NOW).nonce != asker.nonce


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "POST"},
        {"url": URL.replace("werkhof", "suednetz")},
        {"url": URL.replace("example", "example:8443")},
        {"url": URL.replace("def", "dex")},
        {"url": URL.replace("it", "that")},
        {"url": URL.partition("?")[0]},
        {"range": "bytes=5-"},
        {"signature": ""},
        {"signature_input": ""},
        {"signature": "verbund=:AAAA:"},
        {"signature": "verbund=1"},
        {"signature": "x" * 5_000},
        {"verbund_identity": ""},
        {"verbund_identity": "%"},
        {"verbund_identity": urlsafe_b64encode(msgspec.json.encode(identity(ROOT, DEVICE, 2))).decode()},
        {"verbund_identity": urlsafe_b64encode(msgspec.json.encode(identity(DEVICE, ROOT, 1))).decode()},
    ],
)
def test_whatever_is_altered_is_noticed(changes: dict[str, str]) -> None:
    with pytest.raises(NotProven):
        check(came(asked(), **changes), NOW)


@pytest.mark.parametrize("without", ['"@method"', '"@authority"', '"@path"', '"@query"', f'"{IDENTITY}"'])
def test_signature_that_leaves_something_out_is_worth_nothing(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tuple(one for one in ("@method", "@authority", "@path", "@query", IDENTITY) if f'"{one}"' != without)
    monkeypatch.setattr("verbund.partners.requests.COVERED", left)
    request = asked()
    monkeypatch.undo()
    with pytest.raises(NotProven):
        check(came(request), NOW)


@pytest.mark.parametrize(
    "swap",
    [
        lambda line: line.replace("verbund-partner-1", "verbund-partner-2"),
        lambda line: line.replace(str(NOW // 1_000), str(NOW // 1_000 + 1)),
        lambda line: line.replace(";nonce=", ";x="),
        lambda line: f"{line}, other={line.partition('=')[2]}",
        lambda line: "verbund=" + "(" * 3_000,
    ],
)
def test_terms_of_a_signature_are_signed(swap: Callable[[str], str]) -> None:
    request = asked()
    with pytest.raises(NotProven):
        check(came(request, signature_input=swap(request.headers["signature-input"])), NOW)


def test_body_is_the_one_that_was_signed() -> None:
    for body, heard in ((BODY, b'{"a":2}'), (BODY, b""), (None, BODY)):
        with pytest.raises(NotProven):
            check(came(asked(method="POST", body=body)), NOW, heard)
    with pytest.raises(NotProven):
        check(came(asked(method="POST", body=BODY), content_digest="sha-256=:AAAA:"), NOW, BODY)


def test_range_is_covered_where_there_is_one() -> None:
    request = asked(range="bytes=5-")
    check(came(request), NOW)
    for changed in ("bytes=0-", ""):
        with pytest.raises(NotProven):
            check(came(request, range=changed), NOW)


@pytest.mark.parametrize(("late_ms", "counts"), [(0, True), (120_000, True), (-120_000, True), (121_000, False)])
def test_clocks_may_differ_by_two_minutes(late_ms: int, counts: bool) -> None:
    assert CLOCK_MS_MAX == 120_000
    if counts:
        check(came(asked()), NOW + late_ms)
        return
    for now in (NOW + late_ms, NOW - late_ms):
        with pytest.raises(NotProven):
            check(came(asked()), now)


def test_identity_of_another_needs_its_key() -> None:
    thief = DeviceKey.generate()
    request = httpx.Request("GET", URL)
    sign(OWN, thief, request, NOW)
    with pytest.raises(NotProven):
        check(came(request), NOW)
    shown = msgspec.json.decode(urlsafe_b64decode(request.headers[IDENTITY]))
    assert shown["device_key"] == OWN.device_key


def test_number_is_used_once_and_forgotten_when_its_signature_is() -> None:
    nonces, asker = Nonces(), Asker(ROOT.public.provider, DEVICE.device, "1")
    nonces.use(asker, NOW)
    with pytest.raises(Replayed):
        nonces.use(asker, NOW + 1)
    nonces.use(asker._replace(provider=DEVICE.public.provider), NOW)
    nonces.use(asker, NOW + 2 * CLOCK_MS_MAX + 1)


def test_numbers_are_bounded_for_each_provider() -> None:
    nonces, asker = Nonces(), Asker(ROOT.public.provider, DEVICE.device, "")
    for n in range(NONCES_MAX):
        nonces.use(asker._replace(nonce=str(n)), NOW)
    with pytest.raises(Replayed):
        nonces.use(asker._replace(nonce="one more"), NOW)
    nonces.use(asker._replace(provider=DEVICE.public.provider), NOW)

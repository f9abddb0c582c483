"""Vectors of the protocol: inputs with what every implementation must make of them. Deterministic; Python and
TypeScript run the same files (protocol/vectors)."""

from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verbund.base import canonical
from verbund.base.clock import stamp_of
from verbund.base.ids import b64, direct_space, personal_space
from verbund.base.keys import P256, DeviceKey, PublicKey
from verbund.log import entry as entries
from verbund.log.core import DOMAIN, Parcel, body_hash, make_parcel
from verbund.ops.chat_vectors import chat_vectors

_T0 = 1_700_000_000_000
_SALT = bytes(range(16))
_WEAK = {
    "all zero (order 4)": bytes(32),
    "identity": b"\x01" + bytes(31),
    "order 2": bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "order 8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "order 8, the other": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    "y is p (zero, not canonical)": bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "y is p + 1 (one, not canonical)": bytes.fromhex(
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
    ),
    "y is 2^255 - 1": b"\xff" * 31 + b"\x7f",
    "all ones": b"\xff" * 32,
    "not on the curve": b"\x02" + bytes(31),
    "too short": b"\x09" * 31,
    "too long": b"\x09" * 33,
}


def all_vectors() -> dict[str, Any]:
    """File (below protocol/vectors) → content."""
    return {
        "log/canonical.json": {"cases": _canonical()},
        "log/keys.json": {"cases": _keys()},
        "log/cores.json": {"cases": _cores()},
        "log/chain.json": {"cases": _chain()},
        "log/spaces.json": {"cases": _spaces()},
        "chat/fold.json": chat_vectors(),
    }


def _canonical() -> list[dict[str, Any]]:
    good = {
        "empty object": {},
        "keys are sorted": {"b": 1, "a": 2, "B": 3, "": 4, "a1": 5},
        "nesting": {"a": [1, {"z": None, "y": [True, False]}, "x"]},
        "control characters": {"t": '\b\t\n\f\r\u0000\u001f\u007f"\\/'},
        "umlauts and emoji stay": {"t": "Übergröße 🪵👩‍👩‍👧 \u2028\u2029 שלום"},
        "integers": {"n": [0, -1, 2**53 - 1, -(2**53 - 1)]},
        "eight deep": {"1": {"2": {"3": {"4": {"5": {"6": {"7": {}}}}}}}},
    }
    bad = {
        "white space": '{"a": 1}',
        "unsorted": '{"b":1,"a":2}',
        "twice the same key": '{"a":1,"a":2}',
        "float": '{"a":1.0}',
        "exponent": '{"a":1e3}',
        "minus zero": '{"a":-0}',
        "beyond 2^53": '{"a":9007199254740992}',
        "escaped needlessly": '{"a":"\\u0061"}',
        "escaped slash": '{"a":"\\/"}',
        "upper case escape": '{"a":"\\u001F"}',
        "lone surrogate": '{"a":"\\ud800"}',
        "key is not ASCII": '{"ä":1}',
        "nine deep": '{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{}}}}}}}}}',
        "byte order mark": "\ufeff{}",
        "two values": "{}{}",
        "cut off": '{"a":',
        "nothing": "",
        "not a number": '{"a":NaN}',
        "very deep": "[" * 2000 + "]" * 2000,
    }
    cases: list[dict[str, Any]] = [
        {"name": name, "value": value, "text": canonical.encode(value).decode()} for name, value in good.items()
    ]
    return cases + [
        {"name": name, "text": text, "expect": {"refusal": canonical.NotCanonical.code}} for name, text in bad.items()
    ]


def _keys() -> list[dict[str, Any]]:
    ed, p256 = DeviceKey(b"\x07" * 32).public, _p256_key()[1]
    good = [
        {"name": f"good {key.alg}", "alg": key.alg, "key": b64(key.raw), "expect": key.device} for key in (ed, p256)
    ]
    hostile = [("ed25519", name, raw) for name, raw in _WEAK.items()]
    hostile += [
        ("p256", "compressed", b"\x02" + p256.raw[1:33]),
        ("p256", "off the curve", p256.raw[:-1] + bytes([p256.raw[-1] ^ 1])),
        ("p256", "point at infinity", b"\x00" * 65),
        ("rsa", "unknown algorithm", ed.raw),
        ("Ed25519", "wrong case", ed.raw),
    ]
    return good + [
        {"name": name, "alg": alg, "key": b64(raw), "expect": {"refusal": "base.weak_key"}}
        for alg, name, raw in hostile
    ]


def _cores() -> list[dict[str, Any]]:
    key, other = DeviceKey(b"\x07" * 32), DeviceKey(b"\x08" * 32)
    genesis, first = _signed(key, None, None, 1, {"title": "Werkstatt"}, k="test.wall_opened.1")
    message, second = _signed(key, genesis, genesis, 2, {"text": "Grüße 🪵 שלום\n"}, re=[genesis], ah=[genesis])
    _, secret = _signed(key, genesis, message, 3, {"blobs": [genesis], "ct": b64(b"\x00" * 48)}, bk=message)
    erased = Parcel(second.c, second.s, None, None)
    cases: list[dict[str, Any]] = [
        _case("genesis", first, key.public, {"id": genesis, "space": genesis}),
        _case("message", second, key.public, {"id": message, "space": genesis}),
        _case("encrypted body with a blob", secret, key.public, {"blobs": [genesis]}),
        _case("erased body", erased, key.public, {"id": message, "body": None}),
        _case("P-256", *_p256_parcel(genesis), {"space": genesis}),
        _refused("signed by another", _with(second, s=b64(other.sign(DOMAIN + second.c.encode()))),
                 key.public, "log.unsigned"),
        _refused("signature without the domain", _with(second, s=b64(key.sign(second.c.encode()))),
                 key.public, "log.unsigned"),
        _refused("core changed", Parcel(second.c.replace('"mu":false', '"mu":true'), second.s, second.sa, second.b),
                 key.public, "log.unsigned"),
        _refused("signature cut", Parcel(second.c, second.s[:-6], second.sa, second.b), key.public, "log.unsigned"),
        _refused("body changed", _with(second, b='{"text":"x"}'), key.public, "log.malformed_core"),
        _refused("salt changed", _with(second, sa=b64(bytes(16))), key.public, "log.malformed_core"),
        _refused("core too large", Parcel(second.c + " " * 4096, second.s, second.sa, second.b), key.public,
                 "log.oversized"),
        _refused("body too large", Parcel(second.c, second.s, second.sa, '{"t":"' + "x" * 65536 + '"}'), key.public,
                 "log.oversized"),
        _refused("base64 with padding", Parcel(second.c, second.s + "==", second.sa, second.b), key.public,
                 "log.malformed_core"),
    ]  # fmt: skip
    unsorted = sorted((message, genesis), reverse=True)
    changes: dict[str, dict[str, Any]] = {
        "a field more": {"zz": 1}, "format 2": {"v": 2}, "number 0": {"ds": 0}, "number is text": {"ds": "2"},
        "first without previous": {"dp": None}, "kind in capitals": {"k": "Chat.posted.1"},
        "kind without version": {"k": "chat.posted"}, "stamp too short": {"t": "0"},
        "stamp in capitals": {"t": "018BCFE568000000"}, "heads unsorted": {"ah": unsorted},
        "five heads": {"ah": sorted(_hashes(5))}, "nine references": {"re": _hashes(9)},
        "id with stray bits": {"sp": genesis[:-1] + "B"}, "head twice": {"ah": [genesis, genesis]},
        "body size wrong": {"bs": 3}, "flag is a number": {"mu": 0},
    }  # fmt: skip
    for name, change in changes.items():
        cases.append(_refused(name, _resigned(key, second, change), key.public, "log.malformed_core"))
    return cases


def _chain() -> list[dict[str, Any]]:
    provider = DeviceKey(b"\x09" * 32).public.provider
    before = entries.CHAIN_START
    listed: list[dict[str, Any]] = []
    for seq, (core, void) in enumerate(zip(_hashes(4), (False, True, False, False), strict=True), start=1):
        before = entries.chain(before, provider, 1, seq, core, _T0 + seq, void)
        listed.append(
            {"id": core, "p": provider, "i": 1, "n": seq, "at": _T0 + seq, "x": 3 if void else 0, "h": b64(before)}
        )
    wrong = [{**one, "at": one["at"] + 1} if one["n"] == 3 else one for one in listed]
    swapped = [listed[0], listed[2], listed[1], listed[3]]
    return [
        {"name": "four entries, one void", "entries": listed, "expect": b64(before)},
        {"name": "time changed", "entries": wrong, "expect": {"refusal": "log.broken_chain"}},
        {"name": "order changed", "entries": swapped, "expect": {"refusal": "log.broken_chain"}},
    ]


def _spaces() -> list[dict[str, Any]]:
    one, two = (DeviceKey(bytes([n]) * 32).public.device for n in (1, 2))
    return [
        {"name": "direct", "people": [one, two], "expect": direct_space([one, two])},  # type: ignore[list-item]
        {"name": "direct, the other way round", "people": [two, one], "expect": direct_space([one, two])},  # type: ignore[list-item]
        {"name": "personal", "account": one, "expect": personal_space(one)},  # type: ignore[arg-type]
    ]


def _signed(
    key: DeviceKey, space: str | None, dp: str | None, ds: int, body: dict[str, Any], **core: Any
) -> tuple[Any, Parcel]:
    whole = {"ah": [], "bk": None, "dp": dp, "ds": ds, "k": "chat.message_posted.1", "mu": False, "re": [],
             "t": stamp_of(_T0 + ds, 7), **({"sp": space} if space else {}), **core}  # fmt: skip
    return make_parcel(key, whole, body, _SALT)


def _with(parcel: Parcel, **changed: str) -> Parcel:
    return msgspec.structs.replace(parcel, **changed)


def _resigned(key: DeviceKey, parcel: Parcel, change: dict[str, Any]) -> Parcel:
    raw = canonical.encode({**canonical.decode(parcel.c.encode()), **change})
    return Parcel(raw.decode(), b64(key.sign(DOMAIN + raw)), parcel.sa, parcel.b)


def _p256_key() -> tuple[ec.EllipticCurvePrivateKey, PublicKey]:
    private = ec.derive_private_key(7, ec.SECP256R1())
    return private, PublicKey(P256, private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _p256_parcel(space: str) -> tuple[Parcel, PublicKey]:
    private, public = _p256_key()
    body = canonical.encode({"text": "P-256"})
    core = {"ah": list[str](), "bh": body_hash(_SALT, body), "bk": None, "bs": len(body), "dev": public.device,
            "dp": None, "ds": 1, "k": "chat.message_posted.1", "mu": False, "re": list[str](), "sp": space,
            "t": stamp_of(_T0), "v": 1}  # fmt: skip
    raw = canonical.encode(core)
    signed = private.sign(DOMAIN + raw, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    r, s = utils.decode_dss_signature(signed)
    return Parcel(raw.decode(), b64(r.to_bytes(32, "big") + s.to_bytes(32, "big")), b64(_SALT), body.decode()), public


def _case(name: str, parcel: Parcel, key: PublicKey, expect: Any) -> dict[str, Any]:
    wire = {"c": parcel.c, "s": parcel.s, "sa": parcel.sa, "b": parcel.b}
    return {"name": name, "parcel": wire, "alg": key.alg, "key": b64(key.raw), "expect": expect}


def _refused(name: str, parcel: Parcel, key: PublicKey, code: str) -> dict[str, Any]:
    return _case(name, parcel, key, {"refusal": code})


def _hashes(count: int) -> list[str]:
    return [DeviceKey(bytes([n + 20]) * 32).public.device for n in range(count)]

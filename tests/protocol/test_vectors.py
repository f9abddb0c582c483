"""The committed vectors, run by Python; vitest runs the same files."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from verbund.base import canonical
from verbund.base.ids import direct_space, personal_space, unb64
from verbund.base.keys import PublicKey, check_key
from verbund.base.refusal import Refusal
from verbund.log import entry as entries
from verbund.log.core import Parcel, check_signature, parse
from verbund.ops.vectors import all_vectors

FOLDER = Path(__file__).parents[2] / "protocol" / "vectors"


def cases(file: str) -> list[Any]:
    listed = msgspec.json.decode((FOLDER / file).read_bytes())["cases"]
    assert listed
    return [pytest.param(one, id=one["name"]) for one in listed]


def refused(code: str) -> Any:
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == code)


@pytest.mark.parametrize("case", cases("log/canonical.json"))
def test_canonical(case: Any) -> None:
    if "expect" in case:
        with refused(case["expect"]["refusal"]):
            canonical.decode(case["text"].encode("utf-8", "surrogatepass"))
        return
    assert canonical.encode(case["value"]).decode() == case["text"]
    assert canonical.decode(case["text"].encode()) == case["value"]


@pytest.mark.parametrize("case", cases("log/keys.json"))
def test_keys(case: Any) -> None:
    key = PublicKey(case["alg"], unb64(case["key"]))
    if isinstance(case["expect"], str):
        assert check_key(key).device == case["expect"]
        return
    with refused(case["expect"]["refusal"]):
        check_key(key)


@pytest.mark.parametrize("case", cases("log/cores.json"))
def test_cores(case: Any) -> None:
    parcel, key = msgspec.convert(case["parcel"], Parcel), PublicKey(case["alg"], unb64(case["key"]))
    if "refusal" in case["expect"]:
        with refused(case["expect"]["refusal"]):
            check_signature(parse(parcel), key)
        return
    parsed = parse(parcel)
    check_signature(parsed, key)
    found = {"id": parsed.id, "space": parsed.space, "body": parsed.data, "blobs": list(parsed.blobs)}
    assert {name: found[name] for name in case["expect"]} == case["expect"]


@pytest.mark.parametrize("case", cases("log/chain.json"))
def test_chain(case: Any) -> None:
    def walk() -> bytes:
        before = entries.CHAIN_START
        for one in case["entries"]:
            entry = msgspec.convert({**one, "c": "", "s": "", "sa": None, "b": None}, entries.Entry)
            before = entries.check_place(entry, before).chain
        return before

    if isinstance(case["expect"], str):
        assert walk() == unb64(case["expect"])
        return
    with refused(case["expect"]["refusal"]):
        walk()


@pytest.mark.parametrize("case", cases("log/spaces.json"))
def test_derived_spaces(case: Any) -> None:
    made = direct_space(case["people"]) if "people" in case else personal_space(case["account"])
    assert made == case["expect"]


def test_committed_vectors_are_the_generated_ones() -> None:
    for file, content in all_vectors().items():
        assert msgspec.json.decode((FOLDER / file).read_bytes()) == content, f"run `make fix`: {file}"

"""Two operators agree: nobody is a partner before both did; codes are for one, keys stay, endings are heard."""

import httpx
import msgspec
import pytest

from tests.partners.conftest import Country, Provider
from verbund.base import canonical
from verbund.base.ids import b64
from verbund.partners.agreements import book, queries
from verbund.partners.agreements.refusals import (
    AlreadyPartner,
    ClockApart,
    CodeExpired,
    CodeUsed,
    NoCommonText,
    NotHeardYet,
    NotInvited,
    OtherKey,
)  # fmt: skip
from verbund.partners.agreements.statements import DOMAIN, Statement, Told
from verbund.partners.agreements.texts import texts
from verbund.partners.identity import NotProven
from verbund.web.installation import next_incarnation


async def agreed(werkhof: Provider, suednetz: Provider) -> None:
    """Werkhof gives the code, Südnetz takes it; both agree."""
    await suednetz.joins(await werkhof.invites())
    await suednetz.asks(werkhof)
    await suednetz.agrees(werkhof)
    await werkhof.agrees(suednetz, "Anton Werk")
    await suednetz.asks(werkhof)


def altered(provider: Provider, to: Provider, **changes: object) -> Told:
    """What the provider would say, with something else in it, signed all the same."""
    told = provider.agreements._tell(provider.holds(to), to.own.address)
    said = {**msgspec.json.decode(told.words), **changes}
    words = canonical.encode(said)
    signature = provider.services.log.provider_device.sign(DOMAIN + words)
    return Told(told.identity, words.decode(), b64(signature))


async def test_both_agree_and_each_keeps_who_and_when(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    assert suednetz.holds(werkhof).state == "asked"
    await suednetz.asks(werkhof)
    here, there = werkhof.holds(suednetz), suednetz.holds(werkhof)
    assert (here.state, here.name, here.place, here.contact) == (
        "offered", "Südnetz", "Freiburg", "hilfe@suednetz.example",
    )  # fmt: skip
    assert (there.name, there.place, there.key) == ("Werkhof", "Kassel", b64(werkhof.services.installation.key.raw))
    await suednetz.agrees(werkhof, "Bea Süd")
    await suednetz.asks(werkhof)
    assert werkhof.holds(suednetz).their_by == "Bea Süd"
    assert werkhof.dialled() == suednetz.dialled() == []
    await werkhof.agrees(suednetz, "Anton Werk")
    assert werkhof.dialled() == [(suednetz.id, "https://suednetz.example")]
    await suednetz.asks(werkhof)
    there = suednetz.holds(werkhof)
    assert (there.state, there.their_by) == ("agreed", "Anton Werk")
    assert there.own_text == there.their_text == list(texts())[-1]
    assert suednetz.dialled() == [(werkhof.id, "https://werkhof.example")]


async def test_inviter_may_ask_as_well(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    await suednetz.asks(werkhof)
    await werkhof.agrees(suednetz)
    await suednetz.agrees(werkhof)
    await werkhof.asks(suednetz)
    assert werkhof.holds(suednetz).state == suednetz.holds(werkhof).state == "agreed"


async def test_only_one_side_agreed_is_no_partnership(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    with pytest.raises(NotHeardYet):
        await suednetz.agrees(werkhof)
    await suednetz.asks(werkhof)
    await suednetz.agrees(werkhof)
    for _ in range(3):
        await suednetz.asks(werkhof)
    assert (werkhof.holds(suednetz).state, suednetz.holds(werkhof).state) == ("offered", "asked")
    assert werkhof.dialled() == suednetz.dialled() == []


async def test_used_code_is_for_nobody_else(country: Country, werkhof: Provider, suednetz: Provider) -> None:
    code = await werkhof.invites()
    await suednetz.joins(code)
    await suednetz.asks(werkhof)
    late = await country.provider("Dritter", "dritter.example")
    await late.joins(code)
    await late.asks(werkhof)
    assert (late.holds(werkhof).state, late.holds(werkhof).problem) == ("ended", CodeUsed.code)
    assert werkhof.maybe(late) is None
    assert werkhof.holds(suednetz).state == "offered"


async def test_expired_code_is_refused_by_who_made_it(country: Country, werkhof: Provider, suednetz: Provider) -> None:
    code = await werkhof.invites(days=1)
    await suednetz.joins(code)
    country.clock.pass_days(2)
    await suednetz.asks(werkhof)
    assert suednetz.holds(werkhof).problem == CodeExpired.code
    assert werkhof.maybe(suednetz) is None
    await suednetz.joins(await werkhof.invites())
    await suednetz.asks(werkhof)
    assert werkhof.holds(suednetz).state == "offered"


async def test_forged_proof_is_refused(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    for changes in ({"proof": ""}, {"proof": "A" * 43}, {"invitation": "A" * 43}):
        answer = await werkhof.is_told(altered(suednetz, werkhof, **changes), suednetz)
        assert answer.json()["code"] == NotInvited.code, changes
    assert werkhof.maybe(suednetz) is None


async def test_words_that_others_signed_are_refused(country: Country, werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    told = altered(suednetz, werkhof)
    thief = await country.provider("Dieb", "dieb.example")
    stolen = Told(thief.services.installation.identity(), told.words, told.signature)
    meant_for_another = altered(suednetz, werkhof, dialled="https://dieb.example")
    spoiled = Told(told.identity, told.words.replace("Freiburg", "Hamburg"), told.signature)
    for one in (stolen, meant_for_another, spoiled):
        assert (await werkhof.is_told(one, suednetz)).json()["code"] == NotProven.code
    country.clock.pass_days(0.1)
    assert (await werkhof.is_told(told, suednetz)).json()["code"] == ClockApart.code
    assert werkhof.maybe(suednetz) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "N" * 300}, {"name": ""}, {"place": "P" * 81}, {"contact": "C" * 201}, {"texts": ["x"]},
        {"texts": [list(texts())[-1]] * 17}, {"address": "https://" + "a" * 300}, {"more": 1}, {"at": "jetzt"},
    ],
)  # fmt: skip
async def test_malformed_statements_change_nothing(
    werkhof: Provider, suednetz: Provider, changes: dict[str, object]
) -> None:
    await agreed(werkhof, suednetz)
    before = werkhof.holds(suednetz)
    answer = await werkhof.is_told(altered(suednetz, werkhof, **changes), suednetz)
    assert answer.status_code in (401, 422)
    assert werkhof.holds(suednetz) == before


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"identity":{},"words":"","signature":""}'])
async def test_rubbish_is_refused(werkhof: Provider, body: bytes) -> None:
    assert (await werkhof.is_told(body)).status_code in (400, 401, 422)


async def test_names_cannot_command_a_terminal(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    name = "Süd\x1b[2J\nnetz \u202egpj 👩‍👩‍👧"
    assert (await werkhof.is_told(altered(suednetz, werkhof, name=name), suednetz)).status_code == 200
    assert werkhof.holds(suednetz).name == "Süd [2J netz gpj 👩‍👩‍👧"


async def test_unencrypted_address_is_never_dialled(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    for address in ("http://suednetz.example", "https://localhost:8420", ""):
        assert (await werkhof.is_told(altered(suednetz, werkhof, address=address), suednetz)).status_code == 200
        assert werkhof.holds(suednetz).address == ""
    await werkhof.agrees(suednetz)
    text = list(texts())[-1]
    await werkhof.is_told(altered(suednetz, werkhof, address="", text=text, text_at=1, text_by="Bea Süd"), suednetz)
    assert (werkhof.holds(suednetz).state, werkhof.dialled()) == ("agreed", [(suednetz.id, "")])


async def test_other_key_at_the_same_address_is_nobody_we_know(
    country: Country, werkhof: Provider, suednetz: Provider
) -> None:
    await agreed(werkhof, suednetz)
    impostor = await country.provider("Werkhof", "impostor.example")
    await impostor.joins(await suednetz.invites())
    said = impostor.agreements._tell(impostor.holds(suednetz), "")

    async def answers(*asked: object) -> Told:
        return said

    impostor.agreements.answer = answers  # type: ignore[method-assign]  # it answers whatever it is asked
    impostor.services.parts["agreements"] = impostor.agreements
    await suednetz.asks(werkhof, at=impostor)
    held = suednetz.holds(werkhof)
    assert held.problem == OtherKey.code
    assert (held.key, held.name) == (b64(werkhof.services.installation.key.raw), "Werkhof")
    assert suednetz.maybe(impostor) is None
    await suednetz.asks(werkhof)
    assert suednetz.holds(werkhof).problem is None


async def test_new_device_of_the_same_provider_is_the_same_partner(
    country: Country, werkhof: Provider, suednetz: Provider
) -> None:
    await agreed(werkhof, suednetz)
    next_incarnation(werkhof.services.data)
    again = await country.provider("Werkhof", "werkhof.example")
    assert again.services.installation.device.device != werkhof.services.installation.device.device
    await suednetz.agrees(werkhof, "Cem Neu")
    await suednetz.asks(again)
    assert (suednetz.holds(werkhof).problem, again.holds(suednetz).their_by) == (None, "Cem Neu")


async def test_ending_is_heard_and_stays(werkhof: Provider, suednetz: Provider) -> None:
    await agreed(werkhof, suednetz)
    replayed = altered(suednetz, werkhof)
    await werkhof.ends(suednetz)
    assert werkhof.dialled() == []
    await werkhof.asks(suednetz)
    there = suednetz.holds(werkhof)
    assert (there.state, there.ended_by, suednetz.dialled()) == ("ended", "them", [])
    assert werkhof.holds(suednetz).end_told
    await werkhof.is_told(replayed, suednetz)
    await werkhof.is_told(altered(suednetz, werkhof, ended=False, text=list(texts())[-1], text_at=1), suednetz)
    assert werkhof.holds(suednetz).state == "ended"


async def test_an_end_for_now_holds_here_and_is_told_only_when_confirmed(werkhof: Provider, suednetz: Provider) -> None:
    await agreed(werkhof, suednetz)
    write = werkhof.services.log.write
    await write(lambda tx: book.end_for_now(tx, suednetz.id))
    with werkhof.services.store.read() as connection:
        assert queries.ended(connection) == {suednetz.id}
    assert werkhof.dialled() == []
    await werkhof.asks(suednetz)
    await suednetz.asks(werkhof)
    assert (werkhof.holds(suednetz).state, suednetz.holds(werkhof).state) == ("ending", "agreed")
    await write(lambda tx: book.end(tx, suednetz.id))
    await werkhof.asks(suednetz)
    assert (werkhof.holds(suednetz).state, suednetz.holds(werkhof).state) == ("ended", "ended")


async def test_an_end_that_nobody_confirms_is_taken_back(
    country: Country, werkhof: Provider, suednetz: Provider
) -> None:
    await agreed(werkhof, suednetz)
    write = werkhof.services.log.write
    await write(lambda tx: book.end_for_now(tx, suednetz.id))
    assert await write(lambda tx: book.take_back(tx, overdue_only=True)) == []
    country.clock.ms += queries.CONFIRM_MS
    (back,) = await write(lambda tx: book.take_back(tx, overdue_only=True))
    assert back.provider == suednetz.id
    assert (werkhof.holds(suednetz).state, werkhof.dialled()[0][0]) == ("agreed", suednetz.id)
    with werkhof.services.store.read() as connection:
        assert queries.ended(connection) == frozenset()
    await write(lambda tx: book.end_for_now(tx, suednetz.id))
    assert [one.provider for one in await write(lambda tx: book.take_back(tx, overdue_only=False))] == [suednetz.id]
    await suednetz.asks(werkhof)
    assert werkhof.holds(suednetz).state == "agreed"


async def test_after_an_end_a_new_code_begins_anew(werkhof: Provider, suednetz: Provider) -> None:
    await agreed(werkhof, suednetz)
    await suednetz.ends(werkhof)
    await suednetz.asks(werkhof)
    await suednetz.joins(await werkhof.invites())
    await suednetz.asks(werkhof)
    here = werkhof.holds(suednetz)
    assert (here.state, here.own_text, here.their_text) == ("offered", None, None)
    assert werkhof.dialled() == suednetz.dialled() == []


async def test_old_code_does_not_begin_anew(werkhof: Provider, suednetz: Provider) -> None:
    code = await werkhof.invites()
    await suednetz.joins(code)
    await suednetz.asks(werkhof)
    await werkhof.ends(suednetz)
    await suednetz.asks(werkhof)
    await suednetz.joins(code)
    await suednetz.asks(werkhof)
    assert werkhof.holds(suednetz).state == "ended"


async def test_second_code_between_partners_is_refused(werkhof: Provider, suednetz: Provider) -> None:
    await agreed(werkhof, suednetz)
    with pytest.raises(AlreadyPartner):
        await suednetz.joins(await werkhof.invites())


async def test_two_codes_at_once_become_one_partnership(werkhof: Provider, suednetz: Provider) -> None:
    mine, yours = await werkhof.invites(), await suednetz.invites()
    await suednetz.joins(mine)
    await werkhof.joins(yours)
    for _ in range(2):
        await suednetz.asks(werkhof)
        await werkhof.asks(suednetz)
    assert werkhof.holds(suednetz).invitation == suednetz.holds(werkhof).invitation
    await werkhof.agrees(suednetz)
    await suednetz.agrees(werkhof)
    await suednetz.asks(werkhof)
    await werkhof.asks(suednetz)
    assert werkhof.holds(suednetz).state == suednetz.holds(werkhof).state == "agreed"


async def test_older_statement_does_not_undo_a_newer_one(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    await suednetz.asks(werkhof)
    old = altered(suednetz, werkhof)
    await suednetz.agrees(werkhof)
    await suednetz.asks(werkhof)
    stood = werkhof.holds(suednetz)
    assert (await werkhof.is_told(old, suednetz)).status_code == 200
    assert werkhof.holds(suednetz) == stood


async def test_without_a_common_text_nobody_agrees(werkhof: Provider, suednetz: Provider) -> None:
    await suednetz.joins(await werkhof.invites())
    await werkhof.is_told(altered(suednetz, werkhof, texts=["A" * 43]), suednetz)
    with pytest.raises(NoCommonText):
        await werkhof.agrees(suednetz)
    said = altered(suednetz, werkhof, text="A" * 43, text_at=1, text_by="Bea Süd")
    assert (await werkhof.is_told(said, suednetz)).status_code == 200
    assert werkhof.holds(suednetz).state == "offered"


async def test_request_that_came_before_or_was_signed_by_another_is_refused(
    country: Country, werkhof: Provider, suednetz: Provider
) -> None:
    await suednetz.joins(await werkhof.invites())
    body = msgspec.json.encode(altered(suednetz, werkhof))

    def asked(by: Provider | None, host: str = "werkhof.example") -> httpx.Request:
        url, headers = f"https://{host}/api/partners/agreement", {"content-type": "application/json"}
        request = httpx.Request("POST", url, content=body, headers=headers)
        if by is not None:
            by.signs(request, body)
        return request

    thief = await country.provider("Dieb", "dieb.example")
    for wrong in (asked(None), asked(thief), asked(suednetz, "dieb.example")):
        wrong.url = httpx.URL("https://werkhof.example/api/partners/agreement")
        assert (await werkhof.hears(wrong)).json()["code"] == NotProven.code
    assert werkhof.maybe(suednetz) is None
    good = asked(suednetz)
    assert [(await werkhof.hears(good)).status_code for _ in range(2)] == [200, 409]
    assert (await werkhof.hears(asked(suednetz))).status_code == 200, "the same words under a new number"


def test_statement_has_no_field_without_a_bound() -> None:
    shape = msgspec.json.schema(Statement)["$defs"]["Statement"]["properties"]
    texts_without = [
        name for name, one in shape.items() if one.get("type") == "string" and not {"maxLength", "pattern"} & set(one)
    ]
    assert texts_without == []

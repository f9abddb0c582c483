"""Accounts as people live them: a firm is set up, a colleague comes, browsers come and go."""

from tests.accounts.people import Place


async def test_a_firm_is_set_up_and_a_colleague_joins(place: Place) -> None:
    anna, firm = await place.firm()
    ben = await place.colleague(anna, firm, "ben")

    me = (await ben.get("/api/me")).json()

    assert me["account"]["name"] == "Ben"
    assert me["organisation"] == firm
    assert [one["role"] for one in me["spaces"] if one["id"] == firm] == ["member"]
    assert me["address_form"] == "sie"

"""A small machine in the office keeps a firm's spaces too: one pasted code, and nobody can call it from outside."""

from collections.abc import Callable

import pytest

from tests.flows.server import PASSWORD, Firm, Server, free_port
from tests.flows.test_firms import second_link
from tests.flows.test_partners import at_partner, eventually
from verbund.ops.client import Declined, Person

DATA = bytes(range(256)) * 4_000


def shown(person: Person) -> dict[str, dict[str, object]]:
    """Name → place, where the person's organisation lies and could."""
    found = person.call("GET", "/api/partners", params={"space": person.organisation})
    return {one["name"]: one for one in found["places"]}


def test_machine_in_the_office_is_connected_by_one_code(servers: Callable[..., Server]) -> None:
    werkhof = servers("werkhof", name="Werkhof")
    office = servers("buero", name="Büro Lindner", url=f"http://localhost:{free_port()}")
    firm = Firm(werkhof)
    anna = firm.anna
    other = Person(werkhof.address, "Zoe Zimmer")
    other.found(second_link(werkhof), "Zimmerei Zoe", "zoe", PASSWORD)
    with pytest.raises(Declined):
        firm.ben.call("POST", "/api/partners/office", json={"space": anna.organisation})
    made = anna.call("POST", "/api/partners/office", json={"space": anna.organisation})
    said = office.command("office", made["code"], "--by", "Bea Büro", "--yes")
    assert "Angeschlossen: Dieser Rechner ist mit Werkhof verbunden." in said
    eventually(lambda: "Büro Lindner" in shown(anna))  # Werkhof hears that the office agreed, too
    place = shown(anna)["Büro Lindner"]
    assert (place["state"], place["holds"]) == ("agreed", False)
    assert "Büro Lindner" not in shown(other)
    body = {name: place[name] for name in ("provider", "alg", "key", "name", "url")}
    anna.post(anna.organisation, "authority.provider_added.1", body)  # type: ignore[arg-type]
    eventually(lambda: at_partner(office, firm.workshop) == at_partner(werkhof, firm.workshop) != {})
    file = anna.upload(firm.workshop, DATA, "Plan.bin")
    anna.say(firm.workshop, "der Plan", files=[file], blobs=[file["hash"]])
    eventually(lambda: any(one.read_bytes() == DATA for one in office.data.glob("blobs/**/*") if one.is_file()))
    again = office.tries("office", made["code"], "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    for wrong in ("verbund-partner-1-x", made["code"][:-3]):
        assert "unvollständig oder verändert" in office.tries("office", wrong, "--yes").stderr
    assert "Werkhof (" not in werkhof.command("partner", "list")
    for _ in range(2):
        anna.call("POST", "/api/partners/office", json={"space": anna.organisation})
    other.close()
    firm.close()

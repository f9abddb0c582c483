"""Two real providers: numbers, an alarm when one goes, its end when it is back; and what the commands show of it."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.partners.providers import Provider, eventually, running, say
from tests.partners.test_links import equal, shared_firm
from verbund.ops.doctor import alarms as doctors_alarms
from verbund.ops.watch import alarms
from verbund.ops.watch.service import Watch
from verbund.web.main import main


async def numbers(provider: Provider) -> dict[str, float]:
    """metric with labels → value."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{provider.address}/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_the_operator_sees_a_partner_go_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(alarms.PATIENCE_S, "partner.away", (0, 0))
    werkhof = Provider(tmp_path, "werkhof")
    werkhof.settings = msgspec.structs.replace(werkhof.settings, metrics="loopback")
    suednetz = Provider(tmp_path, "suednetz", werkhof.address)
    async with running(werkhof, suednetz):
        anna, team = await shared_firm(werkhof, suednetz)
        watch: Watch = werkhof.services.parts["watch"]
        label = f'{{name="{suednetz.id[:8]}",partner="{suednetz.id}"}}'
        found = await numbers(werkhof)
        assert found[f"verbund_partner_linked{label}"] == 1
        assert found["verbund_commit_seconds_count"] > 0
        assert found["verbund_disk_free_bytes"] > 0
        await watch.look()
        assert not [one for one in watch.alarms.raised.values() if one.code.startswith("partner.")]

        await suednetz.stop()
        await eventually(lambda: not werkhof.partners.links)
        await say(anna, team, "allein geschrieben")
        changes = await watch.look()
        assert [(one.alarm.code, one.raised) for one in changes if one.alarm.about] == [("partner.away", True)]
        assert not await watch.look()
        found = await numbers(werkhof)
        assert found[f"verbund_partner_linked{label}"] == 0
        assert found[f"verbund_partner_backlog_entries{label}"] == 1
        assert found[f"verbund_partner_backlog_bytes{label}"] > 100
        assert found["verbund_undurable_entries"] == 1
        assert found[f'verbund_alarm{{about="{suednetz.id}",code="partner.away",state="fault"}}'] == 1
        assert await asyncio.to_thread(main, ["status", "--data", werkhof.settings.data]) == 2
        assert "ist nicht erreichbar" in capsys.readouterr().out
        assert "partner.away" in {one.code for one in doctors_alarms(werkhof.settings)}

        await suednetz.start()
        await eventually(lambda: equal(werkhof, suednetz, team))
        await watch.look()
        changes = await watch.look()
        assert not [one for one in watch.alarms.raised.values() if one.about]
        assert await asyncio.to_thread(main, ["status", "--data", werkhof.settings.data]) < 2
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{suednetz.address}/metrics")).status_code == 404
        anna.close()
    monkeypatch.setattr("verbund.ops.watch.report.REPORT_AGE_MS_MAX", 0)
    assert main(["status", "--data", werkhof.settings.data]) == 3


async def test_numbers_name_no_person_and_no_space(tmp_path: Path) -> None:
    werkhof = Provider(tmp_path, "werkhof")
    werkhof.settings = msgspec.structs.replace(werkhof.settings, metrics="loopback")
    async with running(werkhof):
        anna = await werkhof.firm()
        await say(anna, anna.organisation, "geheim")
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"{werkhof.address}/metrics")).text
        for word in ("Anna", "anna", "Lindner", anna.account, anna.organisation, "geheim"):
            assert word not in text
        anna.close()

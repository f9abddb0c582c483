"""A film lives at two providers: prepared at one, brought to the other, and it goes on when the first one dies."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.browser import WAIT_MS, chromium
from tests.flows.pair import Pair, at_work, two_providers
from tests.flows.test_partners import eventually
from tests.media.films import foreign_film, repeated
from tests.media.test_in_browsers import wait_for_position
from tests.media.test_in_product import add, film, settled, until
from verbund.ops.client import Person

pytestmark = [pytest.mark.browser, pytest.mark.programs]
SECONDS = 60


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """One pair for both films: each ends with both providers well."""
    with two_providers(tmp_path_factory.mktemp("pair")) as both:
        yield both


@pytest.fixture
def pair(house: Pair) -> Pair:
    return house.well()


def long_film(folder: Path) -> Path:
    piece = foreign_film(folder / "piece.webm", 10, "320x180", rate="6")
    return repeated(folder / "film.webm", piece, SECONDS // 10)


def files(data: Path, one: str) -> dict[str, bytes]:
    """name → bytes of everything that a film consists of at a provider."""
    folder = data / "media" / one
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def in_library(pair: Pair, path: Path) -> tuple[Person, str]:
    anna = pair.firm.anna
    one = add(anna, pair.workshop, path, "Die Kunst der Treppe")
    found = until(anna, one, settled)
    assert found["state"] == "ready", found
    return anna, one


def test_one_provider_prepares_and_the_other_has_every_byte(pair: Pair, tmp_path: Path) -> None:
    _, one = in_library(pair, foreign_film(tmp_path / "film.webm", 5, "320x180", rate="10"))
    here = pair.werkhof.data
    eventually(lambda: files(pair.suednetz.data, one) == files(here, one) != {})
    shutil.rmtree(pair.suednetz.data / "media" / one)
    eventually(lambda: files(pair.suednetz.data, one) == files(here, one))


def test_film_goes_on_when_its_provider_dies(browser: Browser, pair: Pair, tmp_path: Path) -> None:
    anna, one = in_library(pair, long_film(tmp_path))
    eventually(lambda: files(pair.suednetz.data, one) == files(pair.werkhof.data, one) != {})
    ben = at_work(browser, pair, "ben")
    ben.go(f"/mediathek/{one}")
    wait_for_position(ben.page, 2)
    pair.werkhof.kill()
    ben.page.keyboard.press("7")
    wait_for_position(ben.page, SECONDS * 7 // 10 + 3)
    expect(ben.page.get_by_role("alert")).to_have_count(0)
    ben.page.keyboard.press("k")
    ben.go("/mediathek")
    expect(ben.page.get_by_text(re.compile(r"Weiter bei 0:[45]\d")).first).to_be_visible(timeout=WAIT_MS)
    ben.close()
    pair.werkhof.start()
    assert film(anna, one)["state"] == "ready"

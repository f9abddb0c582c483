"""What two people do with messages all day, in real browsers; they share one server, each test its own channel."""

import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.flows.browser import WAIT_MS, Person, Watched, chromium
from tests.flows.server import PASSWORD, Firm, Server
from tests.flows.test_partners import eventually

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740}
PASTE = """([box, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], 'Bild.png', { type: 'image/png' }));
    box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: carried, bubbles: true, cancelable: true }));
}"""


class Two(NamedTuple):
    """Anna and Ben at their browsers, and the workshop that they share."""

    browser: Browser
    server: Server
    firm: Firm
    anna: Watched
    ben: Watched

    @property
    def room(self) -> str:
        return f"/raum/{self.firm.workshop}"

    def channel(self, title: str) -> str:
        """A channel of their own for one test; both have it open."""
        self.firm.anna.refresh()
        opened = self.firm.anna.post(self.firm.workshop, "chat.channel_opened.1", {"title": title})
        for person in (self.anna, self.ben):
            person.walk(f"{self.room}/{opened}")
            person.sees(f"Hier beginnt {title}")
        return f"{self.room}/{opened}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    server = Server(tmp_path_factory.mktemp("talk") / "werkhof").start()
    firm = Firm(server)
    try:
        with chromium() as browser:
            anna, ben = Watched(browser, "Anna", server.address), Watched(browser, "Ben", server.address)
            anna.sign_in("anna", PASSWORD)
            ben.sign_in("ben", PASSWORD)
            yield Two(browser, server, firm, anna, ben)
            assert anna.complaints == ben.complaints == []
            assert anna.outside == ben.outside == []
            anna.close()
            ben.close()
    finally:
        firm.close()
        server.stop()


def png(width: int = 64, height: int = 48) -> bytes:
    """A picture that compresses to little, of colours that nobody mistakes for an empty one."""
    rows = b"".join(b"\0" + bytes((200, 120 + row, 40)) * width for row in range(height))

    def piece(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + piece(b"IHDR", head) + piece(b"IDAT", zlib.compress(rows)) + piece(b"IEND", b"")


def tool(person: Person, text: str, name: str) -> Locator:
    """A button of the bar that stands at a message while the pointer rests on it."""
    message = person.message(text)
    message.hover()
    found: Locator = message.get_by_role("toolbar").get_by_role("button", name=name)
    return found


def find(person: Person, words: str) -> Locator:
    """What the field for everything finds."""
    expect(person.page.get_by_role("navigation").first).to_be_visible(timeout=WAIT_MS)
    person.page.keyboard.press("Control+k")
    person.page.get_by_role("combobox").fill(words)
    return person.page.get_by_role("option")


def shown_pictures(person: Person, text: str, count: int) -> None:
    """The message's pictures are there, with pixels."""
    pictures = person.message(text).locator("button img")
    expect(pictures).to_have_count(count, timeout=WAIT_MS)
    for at in range(count):
        expect(pictures.nth(at)).to_have_js_property("naturalWidth", 64, timeout=WAIT_MS)


def test_emoji_from_the_picker_and_by_name(two: Two) -> None:
    two.channel("Emoji")
    two.anna.button("Emoji einfügen").click()
    picker = two.anna.page.get_by_role("dialog", name="Emoji einfügen")
    picker.get_by_role("searchbox").fill("hammer")
    picker.get_by_role("button", name=re.compile("Hammer", re.IGNORECASE)).first.click()
    box = two.anna.page.locator("textarea").first
    expect(box).to_have_value(re.compile("🔨|⚒|🛠"))
    box.press_sequentially(" liegt bereit")
    box.press("Enter")
    expect(two.ben.message("liegt bereit")).to_contain_text(re.compile("🔨|⚒|🛠"))


def test_mention_is_counted_at_once_where_one_looks(two: Two) -> None:
    two.channel("Erwähnungen")
    two.ben.walk("/personen")
    entry = two.ben.page.get_by_role("navigation").get_by_role("link", name=re.compile("Erwähnungen")).first
    expect(entry).to_be_visible(timeout=WAIT_MS)
    two.anna.says("Noch ohne Namen")
    expect(entry.locator(".count")).to_have_text("1", timeout=WAIT_MS)
    box = two.anna.page.locator("textarea").first
    box.press_sequentially("Schaust du bitte, @be")
    two.anna.page.get_by_role("option", name=re.compile("Ben Krause")).click()
    expect(box).to_have_value(re.compile("@Ben Krause"))
    box.press("Enter")
    expect(entry.locator(".count")).to_have_text("@2", timeout=WAIT_MS)
    entry.click()
    two.ben.sees("Schaust du bitte")
    expect(two.ben.page.get_by_role("separator", name="Neu")).to_be_visible()
    expect(entry.locator(".count")).to_have_count(0, timeout=WAIT_MS)


def test_reaction_edit_and_withdrawal_are_seen_by_the_other(two: Two) -> None:
    two.channel("Ändern")
    two.anna.says("Das Quittenholz liegt links")
    two.ben.sees("Das Quittenholz liegt links")
    tool(two.ben, "Quittenholz", "reagieren").first.click()
    chip = two.anna.message("Quittenholz").locator("ul button[aria-pressed]").first
    expect(chip).to_contain_text("1", timeout=WAIT_MS)
    chip.click()
    expect(two.ben.message("Quittenholz").locator("ul button[aria-pressed]").first).to_contain_text("2")

    tool(two.anna, "Quittenholz", "Bearbeiten").click()
    box = two.anna.page.locator("textarea").first
    expect(box).to_have_value("Das Quittenholz liegt links")
    box.fill("Das Quittenholz liegt rechts")
    two.anna.page.keyboard.press("Enter")
    two.ben.sees("Das Quittenholz liegt rechts")
    expect(two.ben.message("Quittenholz")).to_contain_text("bearbeitet")
    expect(find(two.ben, "Quittenholz").filter(has_text="rechts")).to_have_count(1, timeout=WAIT_MS)
    two.ben.page.keyboard.press("Escape")

    tool(two.anna, "Quittenholz", "Zurückziehen").click()
    two.anna.sees("Nachricht zurückgezogen")
    two.ben.sees("Nachricht zurückgezogen")
    for person in (two.anna, two.ben):
        person.sees_not("Quittenholz")
    find(two.ben, "Quittenholz")
    two.ben.sees("Nichts gefunden")
    two.ben.page.keyboard.press("Escape")


def test_withdrawal_can_be_undone(two: Two) -> None:
    two.channel("Rückgängig")
    two.anna.says("Das bleibt doch")
    two.ben.sees("Das bleibt doch")
    tool(two.anna, "Das bleibt doch", "Zurückziehen").click()
    two.anna.button("Rückgängig").click()
    two.anna.says("danach")
    two.ben.sees("danach")
    two.ben.sees("Das bleibt doch")


def test_pasted_picture_is_seen_by_the_other(two: Two) -> None:
    two.channel("Bilder")
    box = two.anna.page.locator("textarea").first
    box.click()
    two.anna.page.evaluate(PASTE, [box.element_handle(), b64encode(png()).decode()])
    expect(two.anna.page.get_by_role("button", name="Bild.png entfernen")).to_be_visible()
    two.anna.says("So sieht es aus")
    shown_pictures(two.ben, "So sieht es aus", 1)
    two.ben.message("So sieht es aus").get_by_role("button", name="Bild Bild.png groß ansehen").click()
    expect(two.ben.page.get_by_role("dialog", name="Bilder dieser Nachricht")).to_be_visible()
    two.ben.page.keyboard.press("Escape")
    expect(two.ben.page.get_by_role("dialog", name="Bilder dieser Nachricht")).to_have_count(0)


def test_reply_leads_to_what_it_answers(two: Two) -> None:
    two.channel("Antworten")
    two.anna.says("Wer holt die Platten?")
    two.ben.sees("Wer holt die Platten?")
    tool(two.ben, "Wer holt", "Antworten").click()
    two.ben.sees("Antwort an Anna Lindner")
    two.ben.says("Ich, um zehn")
    quote = two.anna.message("Ich, um zehn").get_by_role("button", name=re.compile("Wer holt die Platten"))
    expect(quote).to_be_visible(timeout=WAIT_MS)
    quote.click()
    expect(two.anna.page.locator("article.marked")).to_contain_text("Wer holt die Platten?", timeout=WAIT_MS)


def test_search_finds_german_words_and_leads_there(two: Two) -> None:
    address = two.channel("Suche")
    two.anna.says("Die Treppengeländer sind heute gekommen")
    two.ben.sees("Die Treppengeländer")
    two.ben.walk("/")
    for words in ("treppengelander", "Treppengeländers", "TREPPENGELAENDER"):
        expect(find(two.ben, words).filter(has_text="Treppengeländer")).to_have_count(1, timeout=WAIT_MS)
        two.ben.page.keyboard.press("Escape")
    find(two.ben, "treppengeländer").filter(has_text="Treppengeländer").click()
    two.ben.page.wait_for_url(re.compile(re.escape(address)))
    expect(two.ben.page.locator("article.marked")).to_contain_text("Treppengeländer", timeout=WAIT_MS)


def test_link_to_a_message_leads_the_other_there(two: Two) -> None:
    two.channel("Verweise")
    two.anna.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=two.server.address)
    two.anna.says("Hierher führt der Link")
    for number in range(3):
        two.anna.says(f"Danach {number}")
    two.ben.sees("Danach 2")
    tool(two.anna, "Hierher führt", "Link kopieren").click()
    two.anna.sees("Der Link ist kopiert.")
    link = str(two.anna.page.evaluate("navigator.clipboard.readText()"))
    two.ben.go("/personen")
    two.ben.go(link)
    expect(two.ben.page.locator("article.marked")).to_contain_text("Hierher führt der Link", timeout=WAIT_MS)


def test_direct_conversation_is_begun_from_the_people(two: Two) -> None:
    two.ben.walk("/")
    two.anna.walk("/personen")
    two.anna.page.get_by_role("button", name=re.compile("Ben Krause")).click()
    two.anna.sees("Hier beginnt das Gespräch mit Ben Krause")
    two.anna.says("Unter uns gesagt")
    entry = two.ben.page.get_by_role("navigation").get_by_role("link", name=re.compile("Anna Lindner")).first
    expect(entry.locator(".count")).to_contain_text("1", timeout=WAIT_MS)
    entry.click()
    two.ben.sees("Unter uns gesagt")


def test_channel_is_made_in_its_dialog_and_appears_at_the_other(two: Two) -> None:
    for person in (two.anna, two.ben):
        person.walk(two.room)
    two.anna.button("Werkstatt: mehr").first.click()
    two.anna.page.get_by_role("menuitem", name="Neues Thema").click()
    dialog = two.anna.page.get_by_role("dialog")
    dialog.get_by_label("Name des Themas").fill("Montage")
    dialog.get_by_role("button", name="Anlegen").click()
    two.anna.sees("Hier beginnt Montage")
    two.ben.page.get_by_role("navigation").get_by_role("link", name=re.compile("Montage")).first.click()
    two.ben.sees("Hier beginnt Montage")


def test_space_that_is_left_is_gone_from_the_frame(two: Two) -> None:
    space = two.firm.anna.create("Lager")
    two.firm.ben.join_team(space)
    two.ben.walk(f"/raum/{space}/einstellungen")
    entry = two.ben.page.get_by_role("navigation").get_by_role("group", name="Lager")
    expect(entry.first).to_be_visible(timeout=WAIT_MS)
    two.ben.button("Bereich verlassen").click()
    two.ben.page.get_by_role("dialog").get_by_role("button", name="Bereich verlassen").click()
    expect(two.ben.page.get_by_role("navigation").get_by_role("group", name="Lager")).to_have_count(0, timeout=WAIT_MS)
    eventually(lambda: members(two, space) == ["Anna Lindner"])


def members(two: Two, space: str) -> list[str]:
    """Their names, as the provider knows them."""
    return [one["name"] for one in two.firm.anna.call("GET", f"/api/spaces/{space}/members") if not one["gone"]]


def test_other_browser_is_signed_out_from_the_list(two: Two) -> None:
    second = Person(two.browser, "Ben am Laptop", two.server.address)
    second.sign_in("ben", PASSWORD, two.room)
    second.sees("Werkstatt")
    second.says("vom Laptop")
    two.ben.walk("/konto")
    others = two.ben.page.get_by_role("button", name=re.compile("^Dieses Gerät abmelden"))
    expect(others.first).to_be_visible(timeout=WAIT_MS)
    before = others.count()
    others.first.click()
    dialog = two.ben.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Dieses Gerät abmelden").click()
    expect(dialog).to_have_count(0, timeout=WAIT_MS)
    expect(others).to_have_count(before - 1, timeout=WAIT_MS)
    expect(second.page.get_by_label("Anmeldename")).to_be_visible(timeout=WAIT_MS)
    second.sees_not("vom Laptop")
    second.close()


def test_long_words_and_other_directions_do_not_widen_a_phone(two: Two, phones: list[Person]) -> None:
    address = two.channel("Breite")
    word = ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 4)[:300]
    two.anna.says(word)
    two.anna.says("مرحبا بالعالم، هذا نص من اليمين إلى اليسار")
    two.anna.says(f"`{word}`")
    phone = on_phone(two, phones, address)
    phone.sees("مرحبا")
    expect(phone.message(word)).to_have_count(1)
    wide = phone.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    for at in range(phone.page.get_by_role("article").count()):
        box = phone.page.get_by_role("article").nth(at).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= PHONE["width"]
    align = phone.page.locator("article p", has_text="مرحبا").evaluate("one => getComputedStyle(one).direction")
    assert align == "rtl"


def test_photo_taken_without_a_network_arrives_once(two: Two, phones: list[Person]) -> None:
    address = two.channel("Funkloch")
    phone = on_phone(two, phones, address)
    phone.sees("Hier beginnt Funkloch")
    phone.waits_for_shell()
    phone.context.set_offline(True)
    picture: Any = {"name": "Foto.png", "mimeType": "image/png", "buffer": png()}
    phone.page.locator("input[type=file][capture]").set_input_files(picture)
    expect(phone.page.get_by_role("button", name="Foto.png entfernen")).to_be_visible()
    phone.page.locator("textarea").first.fill("ohne Netz aufgenommen")
    phone.button("Senden").click()
    phone.sees("ohne Netz aufgenommen")
    two.anna.sees_not("ohne Netz aufgenommen")
    phone.context.set_offline(False)
    shown_pictures(two.anna, "ohne Netz aufgenommen", 1)
    expect(two.anna.page.get_by_role("article")).to_have_count(1)
    phone.page.reload()
    shown_pictures(phone, "ohne Netz aufgenommen", 1)
    expect(phone.page.get_by_role("article")).to_have_count(1)


def test_long_conversation_opens_at_the_unread_line_and_afterwards_at_its_end(two: Two) -> None:
    address, page = two.channel("Lang"), two.anna.page
    channel = address.rsplit("/", 1)[1]
    two.anna.walk("/personen")
    two.firm.ben.refresh()
    for number in range(60):
        body = {"text": f"Nachricht {number}\nmit einer zweiten Zeile", "channel": channel}
        two.firm.ben.post(two.firm.workshop, "chat.message_posted.1", body, re=[channel])
    entry = page.get_by_role("navigation").get_by_role("link", name=re.compile("Lang")).first
    expect(entry.locator(".count")).to_have_text("60", timeout=WAIT_MS)
    two.anna.walk(address)
    unread = page.get_by_role("separator", name="Neu")
    expect(page.get_by_role("article").nth(49)).to_be_attached(timeout=WAIT_MS)
    # What was out of sight has its true height now, and what is in sight stays where it is.
    expect(page.locator("article.far")).to_have_count(0, timeout=WAIT_MS)
    expect(unread).to_be_in_viewport()
    page.get_by_role("log").evaluate("one => one.scrollTop = one.scrollHeight")
    expect(entry.locator(".count")).to_have_count(0, timeout=WAIT_MS)
    two.anna.walk("/personen")
    expect(page.get_by_role("article")).to_have_count(0, timeout=WAIT_MS)
    two.anna.walk(address)
    expect(two.anna.message("Nachricht 59")).to_be_in_viewport(timeout=WAIT_MS)
    expect(page.locator("article.far")).to_have_count(0, timeout=WAIT_MS)
    expect(two.anna.message("Nachricht 59")).to_be_in_viewport()


@pytest.fixture(scope="module")
def phones(two: Two) -> Iterator[list[Person]]:
    """Ben's telephone, the last of them. He signs in there for the first test; after one that failed, anew."""
    found: list[Person] = []
    yield found
    for one in found:
        one.close()


def on_phone(two: Two, phones: list[Person], address: str) -> Person:
    if phones and not phones[-1].is_doubtful:
        phones[-1].comes_back(address)
        return phones[-1]
    phone = Person(two.browser, "Ben am Telefon", two.server.address, viewport=PHONE, is_mobile=True, has_touch=True)
    phones.append(phone)
    phone.sign_in("ben", PASSWORD, address)
    return phone

"""A believable firm to look at: people, spaces, talk, pictures, a film.

Made through the public interface alone, under the same rules as everybody's facts, in a data folder of its own that one
command removes. What people say stands in demo.toml.
"""

import datetime as dt
import io
import math
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from verbund.base.ids import CoreId, SpaceId
from verbund.ops.client import Person

PASSWORD = "gute-werkstatt-2026"  # noqa: S105  # a demo that everybody may enter
FIRM = "Tischlerei Lindner"
FILM_SECONDS = 75
FILM_TIMEOUT_S = 300
HISTORY_DAYS = 3
#: Between a message and the reactions to it. The story ends an hour ago, so nothing comes from the future.
REACTION_MS = 20_000
PEOPLE = (
    ("anna", "Anna Lindner"),
    ("ben", "Ben Krause"),
    ("cem", "Cem Öztürk"),
    ("dora", "Dora Weiß"),
    ("emil", "Emil Sander"),
)
TALK = Path(__file__).with_name("demo.toml")


class Line(NamedTuple):
    """Somebody says something: days ago, time of day, who, what; reactions as (who, emoji)."""

    days: int
    time: str
    who: str
    text: str
    reactions: list[tuple[str, str]]


def lines(part: str) -> list[Line]:
    """What is said in one place, in order."""
    found = []
    for entry in tomllib.loads(TALK.read_text("utf-8"))[part]:
        head, text, *reactions = entry.split(" | ")
        days, time, who = head.split()
        pairs = [tuple(one.split()) for one in reactions[0].split(", ")] if reactions else []
        found.append(Line(int(days), time, who, text, [(who, emoji) for who, emoji in pairs]))
    return found


class PastClock:
    """A clock that stands where the story stands."""

    def __init__(self) -> None:
        self.ms = 0

    def now_ms(self) -> int:
        return self.ms


class Story:
    """Tells the firm's last days to a provider."""

    def __init__(self, address: str, setup: str, say: Callable[[str], None]) -> None:
        self._address, self._setup, self._say = address, setup, say
        self._clock = PastClock()
        self._today = dt.datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        self.people = {handle: Person(address, name, clock=self._clock) for handle, name in PEOPLE}

    def tell(self) -> None:
        """Everything, from the founding to this morning."""
        anna = self.people["anna"]
        self._at(HISTORY_DAYS + 1, "08:00")
        self._say("Firma und Konten …")
        anna.found(self._setup, FIRM, "anna", PASSWORD, form="du")
        link = anna.invite(anna.organisation)
        for handle in ("ben", "cem", "dora", "emil"):
            self.people[handle].join(link, handle, PASSWORD)
        self._say("Bereiche und Gespräche …")
        workshop, office = self._space("Werkstatt"), self._space("Büro")
        fitting = anna.post(workshop, "chat.channel_opened.1", {"title": "Montage"})
        self._clock.ms += 1
        offers = anna.post(office, "chat.channel_opened.1", {"title": "Angebote"})
        self._talk(workshop, lines("workshop"), None)
        self._talk(workshop, lines("fitting"), fitting)
        self._talk(office, lines("office"), offers)
        self._say("Bilder …")
        self._picture(workshop)
        self._private()
        self._say("Ein Film für die Mediathek …")
        self._film(workshop)
        for person in self.people.values():
            person.close()

    def _space(self, title: str) -> SpaceId:
        anna = self.people["anna"]
        space = anna.create(title)
        for handle in ("ben", "cem", "dora", "emil"):
            self._clock.ms += 1
            self.people[handle].join_team(space)
        anna.refresh()
        return space

    def _talk(self, space: SpaceId, said: list[Line], channel: CoreId | None) -> None:
        for person in self.people.values():
            person.refresh()
        for line in said:
            self._at(line.days, line.time)
            message = self.people[line.who].say(space, line.text, channel)
            for who, emoji in line.reactions:
                self._clock.ms += REACTION_MS
                body = {"message": message, "emoji": emoji, "on": True}
                self.people[who].post(space, "chat.reaction_set.1", body, re=[message])

    def _picture(self, space: SpaceId) -> None:
        self._at(0, "07:50")
        ben, anna = self.people["ben"], self.people["anna"]
        file = ben.upload(space, staircase(), "Treppe Gartenstraße.jpg") | {"width": 1280, "height": 853}
        message = ben.say(
            space, f"@{anna.name} so sieht sie aus.", mentions=[anna.account], files=[file], blobs=[file["hash"]]
        )
        for who, emoji in (("cem", "👍"), ("dora", "👍"), ("emil", "🪵"), ("anna", "🪵")):
            self._clock.ms += REACTION_MS
            body = {"message": message, "emoji": emoji, "on": True}
            self.people[who].post(space, "chat.reaction_set.1", body, re=[message])
        self._at(0, "08:15")
        anna.say(space, "Sieht sauber aus. Ich fahre gegen zehn hin.", reply_to=message)

    def _private(self) -> None:
        self._at(0, "08:20")
        anna, ben = self.people["anna"], self.people["ben"]
        space = ben.direct(anna.account)
        ben.say(space, "Kannst du mir für Mittwoch freigeben? Unser Kleiner hat Einschulung.")
        self._clock.ms += REACTION_MS
        anna.refresh()
        anna.say(space, "Natürlich. Viel Freude euch!")

    def _film(self, space: SpaceId) -> None:
        self._at(0, "08:30")
        anna = self.people["anna"]
        if shutil.which("ffmpeg") is None:
            self._say("ffmpeg fehlt: ohne Film.")
            return
        source = anna.upload(space, film(), "Die Kunst der Treppe.mp4")
        text = "Meister Öztürk baut eine gewendelte Eichentreppe, vom Aufmaß bis zum letzten Pfosten."
        body = {"title": "Die Kunst der Treppe", "description": text, "source": source, "blobs": [source["hash"]]}
        anna.post(space, "media.film_added.1", body)

    def _at(self, days_ago: int, time: str) -> None:
        hour, minute = time.split(":")
        moment = self._today - dt.timedelta(days=days_ago) + dt.timedelta(hours=int(hour), minutes=int(minute))
        latest = dt.datetime.now().astimezone() - dt.timedelta(hours=1)
        self._clock.ms = max(self._clock.ms + 1, int(min(moment, latest).timestamp() * 1000))


def staircase(width: int = 1280, height: int = 853) -> bytes:
    """A picture of a wooden staircase in warm light, drawn; JPEG."""
    image = Image.new("RGB", (width, height), (214, 190, 158))
    draw = ImageDraw.Draw(image)
    for y in range(height):
        warm = 0.75 + 0.25 * math.cos(y / height * 2.2)
        draw.line([(0, y), (width, y)], fill=(int(214 * warm), int(182 * warm), int(140 * warm)))
    steps = 11
    for step in range(steps):
        left, top = 120 + step * 82, height - 90 - step * 58
        shade = 150 - step * 6
        draw.polygon(
            [(left, top), (left + 250, top - 40), (left + 330, top - 5), (left + 80, top + 36)],
            fill=(shade + 20, int(shade * 0.72), int(shade * 0.42)),
        )
        draw.polygon(
            [(left + 80, top + 36), (left + 330, top - 5), (left + 330, top + 40), (left + 80, top + 84)],
            fill=(shade - 30, int((shade - 30) * 0.7), int((shade - 30) * 0.4)),
        )
        draw.rectangle([left + 285, top - 210, left + 293, top - 12], fill=(92, 62, 38))
    draw.line([(398, height - 320), (398 + 10 * 82, height - 320 - 10 * 58)], fill=(74, 48, 28), width=16)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=86)
    return written.getvalue()


def film(seconds: int = FILM_SECONDS) -> bytes:
    """A short film, drawn and sounded by ffmpeg; MP4."""
    picture = f"gradients=s=1280x720:r=25:d={seconds}:c0=0x8a5a2b:c1=0x1d3b3f:c2=0xd9a05b:nb_colors=3:speed=0.02"
    sound = f"sine=frequency=220:sample_rate=48000:duration={seconds},tremolo=f=0.4:d=0.8,volume=0.2"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "film.mp4"
        command = [
            "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound,
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-shortest",
            str(target),
        ]  # fmt: skip
        subprocess.run(command, check=True, timeout=FILM_TIMEOUT_S)
        return target.read_bytes()


def remove(folder: Path) -> None:
    """The demo firm and everything of it."""
    marker = folder / "provider.json"
    if marker.exists() and folder.name.endswith("demo"):
        shutil.rmtree(folder)


def described() -> dict[str, Any]:
    """How one enters."""
    return {"people": [handle for handle, _ in PEOPLE], "password": PASSWORD}

"""A small picture of the samples, drawn with Pillow."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WIDTH, HEIGHT, LEFT, BAR, GAP = 860, 420, 210, 12, 5
COLOURS = {"ours": "#0b7a86", "plain": "#b8b4aa", "usual": "#0b7a86", "foreign": "#d9973a"}


def draw(runs: list[dict[str, Any]], path: Path) -> None:
    """Bars of every sample: wall seconds of the ladder above, seconds to the first picture below."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "#fbfaf7")
    pen = ImageDraw.Draw(picture)
    top = 20
    for run in runs:
        what = "wall_s" if run["name"] == "ladder" else "first_playable_s"
        key = "way" if run["name"] == "ladder" else "film"
        most = max(one[what] for one in run["samples"])
        pen.text((20, top), f"{run['name']}: {what}", fill="#1b2530")
        for number, one in enumerate(run["samples"]):
            y = top + 18 + number * (BAR + GAP)
            long = (WIDTH - LEFT - 110) * one[what] / most
            pen.text((110, y), one[key], fill="#1b2530")
            pen.rectangle((LEFT, y, LEFT + long, y + BAR), fill=COLOURS[one[key]])
            pen.text((LEFT + long + 8, y), f"{one[what]:.2f} s", fill="#1b2530")
        top += 30 + len(run["samples"]) * (BAR + GAP)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)

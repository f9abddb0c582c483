"""The readable report: one page, nothing from elsewhere. A line for each function, red where it stood still."""

import html
from datetime import UTC, datetime
from typing import Any

from bench.drill.watch import CADENCE_MS

NAMES = {"messages": "Nachrichten", "sign_in": "Anmelden", "open": "Öffnen", "call": "Anruf", "film": "Film"}
WIDTH, ROW, LEFT, TOP = 760, 26, 110, 38
#: What is shorter is not to be seen, and not to be felt.
FELT_MS = 250
#: Whether all are equal is looked at in steps of this.
LOOKED_MS = 200
#: Seconds are written at whole steps.
TICKS_MS, TICKS_MAX = (1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 300_000), 10
#: So wide a bar can say how long it is.
SAID_WIDTH = 34
#: From here on people ask what is wrong.
LONG_MS = 3_000
LEGEND = (
    "Dünn und grün: Es ging. Dick und rot: Es stand still, so lange, wie darin steht. Der graue Streifen ist die Zeit "
    "der Störung, der senkrechte Strich der Augenblick, ab dem alle Anbieter dasselbe hatten; gesucht wird er, wenn "
    "niemand mehr schreibt. Die Tabelle nennt bei Nachrichten das längste Warten vom Tippen bis zum Lesen."
)
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2523; --paper: #fbfaf7; --soft: #6b7672; --line: #d9d7d0;
  --well: #2f7d5b; --ill: #b4231f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e7e1; --paper: #161a19; --soft: #9aa5a1; --line: #39423f;
  --well: #5fb88d; --ill: #ff8a7a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } .end { margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } .ill { color: var(--ill); font-weight: 600; }
.wide { overflow-x: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .on { fill: var(--paper); font-weight: 600; }
"""


def page(title: str, about: str, runs: list[dict[str, Any]], figures: dict[str, Any]) -> str:
    """HTML. A run: title, began, ended, fault (begin, end), equal_at, lost, functions: {name: {beats, longest_ms}}."""
    parts = [
        f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{html.escape(title)}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>",
        f"<p>{html.escape(about)}</p>",
        _figures(figures),
        _table(runs),
        *(_run(run) for run in runs),
        f'<p class="soft end">{LEGEND}</p></body></html>\n',
    ]
    return "".join(parts)


def _figures(figures: dict[str, Any]) -> str:
    said = "".join(f"<li>{html.escape(name)}: <b>{value}</b></li>" for name, value in figures.items())
    return f"<ul>{said}</ul>" if said else ""


def _table(runs: list[dict[str, Any]]) -> str:
    functions = [name for name in NAMES if any(name in run.get("functions", {}) for run in runs)]
    head = "".join(f"<th>{NAMES[name]}</th>" for name in functions)
    rows = []
    for run in runs:
        if "failed" in run:
            width = len(functions) + 2
            rows.append(
                f'<tr><td>{html.escape(title(run))}</td><td class="ill" colspan="{width}">gescheitert</td></tr>'
            )
            continue
        cells = "".join(_cell(run["functions"].get(name)) for name in functions)
        lost = f'<td class="ill">{run["lost"]}</td>' if run["lost"] else "<td>nichts</td>"
        rows.append(f"<tr><td>{html.escape(run['title'])}</td>{cells}{lost}<td>{_equal(run)}</td></tr>")
    return (
        '<h2>Längste Unterbrechung je Funktion</h2><div class="wide"><table><thead><tr><th>Störung</th>'
        f"{head}<th>verloren</th><th>danach gleich in</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _cell(function: dict[str, Any] | None) -> str:
    if function is None:
        return "<td>–</td>"
    mark = ' class="ill"' if function["longest_ms"] > LONG_MS else ""
    return f"<td{mark}>{seconds(function['longest_ms'])}</td>"


def _equal(run: dict[str, Any]) -> str:
    if not run["equal_at"]:
        return '<span class="ill">nie</span>'
    took = max(0, run["equal_at"] - run["ended"])
    return seconds(took) if took >= LOOKED_MS else f"unter {seconds(LOOKED_MS)}"


def title(run: dict[str, Any]) -> str:
    return str(run.get("title") or run.get("name") or "")


def _run(run: dict[str, Any]) -> str:
    if "failed" in run:
        return f'<h2>{html.escape(title(run))}</h2><p class="ill">Gescheitert: {html.escape(run["failed"])}</p>'
    began = datetime.fromtimestamp(run["began"] / 1000, UTC).strftime("%d.%m.%Y %H:%M:%S UTC")
    began += f" · Last des Rechners {run['load']:.1f}".replace(".", ",") if "load" in run else ""
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in run.get("notes", []))
    return (
        f'<h2>{html.escape(run["title"])}</h2><p class="soft">{began}</p>{notes}<div class="wide">{timeline(run)}</div>'
    )


def timeline(run: dict[str, Any]) -> str:
    """SVG: seconds from left to right, a row for each function; what stood still is thick, and says how long."""
    began, ended = run["began"], max(run["ended"], run["equal_at"] or 0)
    functions = [name for name in NAMES if name in run["functions"]]
    height, span = TOP + ROW * len(functions) + 22, max(1, ended - began)
    tall = ROW * len(functions) + 12

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - 10) * (min(max(at, began), ended) - began) / span

    drawn = []
    for number, (from_, until, shown) in enumerate(run.get("phases") or [[*run["fault"], ""]]):
        drawn.append(
            f'<rect x="{x(from_):.1f}" y="{TOP - 8}" width="{max(1.0, x(until) - x(from_)):.1f}" height="{tall}" '
            f'fill="var(--soft)" opacity="{(0.16, 0.28)[number % 2]}"/>'
            f'<text x="{x(from_) + 2:.1f}" y="{TOP - (25, 12)[number % 2]}">{html.escape(shown)}</text>'
        )
    for row, name in enumerate(functions):
        y = TOP + row * ROW
        drawn.append(f'<text x="0" y="{y + 13}">{NAMES[name]}</text>')
        for one, other, works in stretches(name, run["functions"][name], began, run["ended"]):
            drawn.append(_well(x(one), x(other), y) if works else _ill(x(one), x(other), y, other - one))
    if run["equal_at"]:
        drawn.append(f'<path d="M{x(run["equal_at"]):.1f} {TOP - 8}v{tall}" stroke="var(--ink)" stroke-width="2"/>')
    step = next((step for step in TICKS_MS if span / step <= TICKS_MAX), TICKS_MS[-1])
    for at in range(began, ended, step):
        drawn.append(f'<text x="{x(at):.1f}" y="{height - 4}" text-anchor="middle">{(at - began) / 1000:.0f} s</text>')
    label = html.escape(f"Zeitstrahl: {run['title']}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 10} {height}" width="100%" role="img" '
        f'aria-label="{label}">{"".join(drawn)}</svg>'
    )


def _well(left: float, right: float, y: float) -> str:
    return f'<rect x="{left:.1f}" y="{y + 5}" width="{max(1.0, right - left):.1f}" height="6" fill="var(--well)"/>'


def _ill(left: float, right: float, y: float, ms: float) -> str:
    width = max(1.0, right - left)
    bar = f'<rect x="{left:.1f}" y="{y - 1}" width="{width:.1f}" height="18" fill="var(--ill)"/>'
    if width < SAID_WIDTH:
        return bar
    middle = (left + right) / 2
    return f'{bar}<text x="{middle:.1f}" y="{y + 12}" text-anchor="middle" class="on">{seconds(ms)}</text>'


def stretches(name: str, function: dict[str, Any], began: int, ended: int) -> list[tuple[int, int, bool]]:
    """[(from, until, whether it worked)], whole and without holes. It stands still from the beat that is due."""
    cadence = CADENCE_MS[name]
    found: list[tuple[int, int, bool]] = []
    well_from = last = began
    for at in [*(one for one in function["beats"] if began < one < ended), ended]:
        if at - last > cadence + FELT_MS:
            if last + cadence > well_from:
                found.append((well_from, last + cadence, True))
            found.append((last + cadence, at, False))
            well_from = at
        last = at
    if ended > well_from:
        found.append((well_from, ended, True))
    return found


def seconds(ms: float) -> str:
    """As Germans write it."""
    return f"{ms / 1000:.1f} s".replace(".", ",")

"""A plot of figures against their bars, as SVG: a bar of length 1 is exactly the bar."""

from xml.sax.saxutils import escape

WIDTH, ROW, LEFT, UNIT = 760, 34, 250, 200


def plot(figures: dict[str, float], bars: dict[str, tuple[str, float]]) -> str:
    """Each figure as how many times better than its bar (capped at 2.2)."""
    rows = [(name, figures[name], *bars[name]) for name in bars if name in figures]
    height = ROW * len(rows) + 50
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            'font-family="sans-serif" font-size="13">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="#fbfaf7"/>',
    ]
    for number, (name, value, sign, bar) in enumerate(rows):
        y = 20 + number * ROW
        times = value / bar if sign == ">=" else bar / max(value, 1e-9)
        colour = "#00727b" if times >= 1 else "#b3261e"
        parts.append(f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end" fill="#1c2530">{escape(name)}</text>')
        long = min(times, 2.2) * UNIT
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{long:.0f}" height="22" rx="4" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + long + 6:.0f}" y="{y + 16}" fill="#1c2530">{value:g}</text>')
    at = LEFT + UNIT
    parts.append(f'<line x1="{at}" y1="10" x2="{at}" y2="{height - 30}" stroke="#1c2530" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{LEFT + UNIT}" y="{height - 12}" text-anchor="middle" fill="#1c2530">Grenze</text></svg>')
    return "\n".join(parts) + "\n"

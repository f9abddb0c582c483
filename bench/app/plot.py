"""A plot without a library: one row for each figure, its samples as dots, its median and its bar as lines."""

import statistics

WIDTH, ROW, LEFT, RIGHT, TOP = 720, 64, 250, 70, 40


def plot(rows: list[tuple[str, list[float], float]]) -> str:
    """SVG; a row is (what with its unit, samples, bar)."""
    height = TOP + ROW * len(rows) + 10
    drawn = "".join(_row(TOP + ROW * number, *row) for number, row in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="16" y="22">Die Oberfläche: Messwerte (Punkte), Median (grau), Ziel (rot)</text>{drawn}</svg>\n'
    )


def _row(top: int, what: str, samples: list[float], bar: float) -> str:
    most = max(*samples, bar) * 1.1
    middle = top + ROW / 2

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / most

    def line(value: float, colour: str) -> str:
        return (
            f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{top + 12}" y2="{top + ROW - 12}" stroke="{colour}"/>'
        )

    median = statistics.median(samples)
    dots = "".join(
        f'<circle cx="{x(one):.1f}" cy="{middle}" r="4" fill="#0a7d86" fill-opacity=".6"/>' for one in samples
    )
    return (
        f'<text x="16" y="{middle}">{what}</text>'
        f'<text x="16" y="{middle + 16}" fill="#444">Median {median:.1f}, Ziel {bar:.0f}</text>'
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{middle}" y2="{middle}" stroke="#ddd"/>'
        f"{line(median, '#444')}{line(bar, '#b4231f')}{dots}"
    )

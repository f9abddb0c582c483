"""A plot without a library: one dot per join, the median, the bar."""

import statistics

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 320, 60, 40


def plot(times_ms: list[float], bar_ms: float) -> str:
    """SVG: milliseconds of each join in order."""
    top = max(*times_ms, bar_ms) * 1.1
    across, high = WIDTH - LEFT - 20, HEIGHT - BOTTOM - 30

    def y(ms: float) -> float:
        return 30 + high * (1 - ms / top)

    def x(index: int) -> float:
        return LEFT + across * (index + 0.5) / len(times_ms)

    def line(ms: float, colour: str, label: str) -> str:
        return (
            f'<line x1="{LEFT}" x2="{LEFT + across}" y1="{y(ms):.1f}" y2="{y(ms):.1f}" stroke="{colour}"/>'
            f'<text x="{LEFT + across}" y="{y(ms) - 5:.1f}" text-anchor="end" fill="{colour}">{label}</text>'
        )

    median = statistics.median(times_ms)
    dots = "".join(f'<circle cx="{x(i):.1f}" cy="{y(ms):.1f}" r="4" fill="#0a7d86"/>' for i, ms in enumerate(times_ms))
    scale = "".join(
        f'<text x="{LEFT - 8}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:.0f}</text>' for ms in (0, top / 2, top)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="18">Beitreten → erstes Bild (ms), {len(times_ms)} Beitritte</text>{scale}'
        f"{line(bar_ms, '#b4231f', f'Ziel {bar_ms:.0f}')}{line(median, '#444', f'Median {median:.0f}')}{dots}</svg>\n"
    )

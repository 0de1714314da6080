"""Lines as SVG; nothing that would need a plotting library."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_WIDTH, _HEIGHT, _EDGE = 640, 360, 48
_COLOURS = ("#1b7837", "#762a83", "#2166ac", "#b2182b", "#5aae61", "#9970ab", "#4393c3", "#d6604d")


def lines(path: Path, title: str, x: Sequence[float], series: Mapping[str, Sequence[float]]) -> None:
    """Write one chart; every series has a value for each x."""
    top = max(max(values) for values in series.values()) * 1.05 or 1.0
    across = (_WIDTH - 3 * _EDGE) / (max(x) - min(x) or 1)
    parts = [f'<text x="{_EDGE}" y="20" font-size="14">{title}</text>']
    for step in range(5):
        value = top * step / 4
        y = _HEIGHT - _EDGE - step / 4 * (_HEIGHT - 2 * _EDGE)
        parts.append(f'<line x1="{_EDGE}" x2="{_WIDTH - 2 * _EDGE}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="4" y="{y + 4:.0f}" font-size="11">{value:.0f}</text>')
    for at in (x[0], x[-1]):
        parts.append(f'<text x="{_EDGE + (at - min(x)) * across:.0f}" y="{_HEIGHT - 28}" font-size="11">{at:g}</text>')
    for number, (name, values) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [
            f"{_EDGE + (at - min(x)) * across:.1f},{_HEIGHT - _EDGE - value / top * (_HEIGHT - 2 * _EDGE):.1f}"
            for at, value in zip(x, values, strict=True)
        ]
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(places)}"/>')
        y = 44 + 16 * number
        parts.append(f'<text x="{_WIDTH - 2 * _EDGE + 6}" y="{y}" font-size="11" fill="{colour}">{name}</text>')
    body = "\n".join(parts)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif">\n'
        f"{body}\n</svg>\n"
    )

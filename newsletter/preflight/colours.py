"""Colours of CSS as numbers, and how far apart two of them are (WCAG 2.2, 1.4.3).

Read are #rgb, #rrggbb, both with alpha, rgb() and rgba() with numbers or percentages, and the
names that mails use. hsl(), colour spaces and var() are not.
"""

from __future__ import annotations

import re

Colour = tuple[float, float, float, float]  # red, green, blue of 255, and alpha of 1

NAMES = {
    "black": "000000", "silver": "c0c0c0", "gray": "808080", "grey": "808080",
    "white": "ffffff", "maroon": "800000", "red": "ff0000", "purple": "800080",
    "fuchsia": "ff00ff", "magenta": "ff00ff", "green": "008000", "lime": "00ff00",
    "olive": "808000", "yellow": "ffff00", "navy": "000080", "blue": "0000ff",
    "teal": "008080", "aqua": "00ffff", "cyan": "00ffff", "orange": "ffa500",
    "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "lightgray": "d3d3d3", "lightgrey": "d3d3d3",
    "dimgray": "696969", "dimgrey": "696969", "whitesmoke": "f5f5f5", "gainsboro": "dcdcdc",
    "pink": "ffc0cb", "brown": "a52a2a", "gold": "ffd700", "indigo": "4b0082",
}  # fmt: skip

_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"rgba?\(([^()]*)\)")
_IN_SHORTHAND = re.compile(r"#[0-9a-f]+|[a-z-]+\([^()]*\)|[a-z]+")


def parse(text: str) -> Colour | None:
    """The colour, or None where it is none that can be read here."""
    clean = text.strip().lower()
    if clean == "transparent":
        return (0, 0, 0, 0)
    clean = f"#{NAMES[clean]}" if clean in NAMES else clean
    if found := _HEX.fullmatch(clean):
        digits = found[1]
        if len(digits) < 6:
            digits = "".join(2 * digit for digit in digits)
        red, green, blue, *alpha = (int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
        return (red, green, blue, alpha[0] / 255 if alpha else 1)
    if found := _FUNCTION.fullmatch(clean):
        return _of_numbers(re.split(r"[\s,/]+", found[1].strip()))
    return None


def in_background(text: str) -> str | None:
    """The word of a `background` shorthand that is its colour; None where none is."""
    words = _IN_SHORTHAND.findall(text.lower())
    return next((word for word in words if parse(word) is not None), None)


def over(front: Colour, back: Colour) -> Colour:
    """What is seen of a colour before an opaque one."""
    alpha = front[3]
    red, green, blue = (alpha * front[at] + (1 - alpha) * back[at] for at in range(3))
    return (red, green, blue, 1)


def contrast(one: Colour, other: Colour) -> float:
    """From 1, the same, to 21, black and white; both opaque."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def shown(colour: Colour) -> str:
    """As #rrggbb."""
    return "#" + "".join(f"{round(part):02x}" for part in colour[:3])


def _of_numbers(words: list[str]) -> Colour | None:
    if len(words) not in (3, 4):
        return None
    try:
        parts = [
            float(word[:-1]) / 100 * (255 if at < 3 else 1) if word.endswith("%") else float(word)
            for at, word in enumerate(words)
        ]
    except ValueError:
        return None
    bounded = [min(max(part, 0), 255 if at < 3 else 1) for at, part in enumerate(parts)]
    red, green, blue, *alpha = bounded
    return (red, green, blue, alpha[0] if alpha else 1)


def _luminance(colour: Colour) -> float:
    """Relative luminance, as WCAG defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (one / 255 for one in colour[:3])
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

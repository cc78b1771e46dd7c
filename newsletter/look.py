"""How mails and pages look: colours in light and dark, fonts, a logo, a footer.

The defaults have a contrast of 4.5 to 1 and more in light and dark (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass

FONTS = "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Look:
    """What templates know as `look`; colours as #rrggbb."""

    page: str = "#f6f8fa"  # around the sheet
    sheet: str = "#ffffff"  # behind the papers
    ink: str = "#1f2328"
    soft: str = "#57606a"  # text of second rank
    link: str = "#0550ae"
    rule: str = "#d8dee4"  # lines between papers
    chip: str = "#ddf4ff"  # behind a topic's name
    chip_ink: str = "#0a3069"
    note: str = "#bf8700"  # the bar beside an editor's note
    dark_page: str = "#0d1117"
    dark_sheet: str = "#161b22"
    dark_ink: str = "#e6edf3"
    dark_soft: str = "#9da7b3"
    dark_link: str = "#79b8ff"
    dark_rule: str = "#2d333b"
    dark_chip: str = "#21303f"
    dark_chip_ink: str = "#cfe3ff"
    fonts: str = FONTS
    logo: str = ""  # the URL of an image; empty: none
    logo_alt: str = ""
    logo_width: int = 120  # pixels
    footer: str = ""  # a line of the operator's own

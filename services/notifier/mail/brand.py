"""How the desk presents itself in mails."""

from dataclasses import dataclass

_WHITE, _BLACK = "#ffffff", "#111827"


@dataclass(frozen=True, slots=True)
class Brand:
    """Name, colour (`#rrggbb`), logo (an https URL or empty) and lines below every mail."""

    name: str = "Support"
    color: str = "#1d4ed8"
    logo_url: str = ""
    footer: str = ""

    @property
    def ink(self) -> str:
        """The colour that can be read on `color`: white or black (WCAG 2.2, relative luminance)."""
        channels = [int(self.color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in channels
        )
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        # Contrast 4.5 to 1 with white ends at a luminance of 0.183.
        return _WHITE if luminance <= 0.183 else _BLACK

"""Segments: how many texts a body costs, counted as carriers count (D37).

GSM-7 where every character is in its alphabet, else UCS-2. A part of several loses room to a
header, and neither an escape pair nor a surrogate pair is ever split over two parts.

Source: reference/protocol.md 4
"""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPED = frozenset("\f^{}\\[~]|€")

# Typographic look-alikes and the plain characters that mean the same.
PLAIN = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ",
    "`": "'", "´": "'", "•": "-", "\u200b": "", "\t": " ",
}  # fmt: skip


class Encoding(StrEnum):
    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class PartSizes:
    """Units that fit alone, and in each part of several: septets, or UTF-16 code units for UCS-2.

    A property of the provider account (S4-41's 147 is such a setting).
    """

    gsm_single: int = 160
    gsm_part: int = 153
    ucs_single: int = 70
    ucs_part: int = 67


@dataclass(frozen=True, slots=True)
class Segments:
    encoding: Encoding
    units: int
    parts: int  # 1 for an empty text
    left: int  # units that still fit into the last part
    costly: str | None = None  # the first character outside GSM-7


def measure(body: str, sizes: PartSizes = PartSizes()) -> Segments:
    """How a carrier would split `body`."""
    costly = next((c for c in body if c not in _BASIC and c not in _ESCAPED), None)
    if costly is None:
        widths = [2 if c in _ESCAPED else 1 for c in body]
        encoding, single, part = Encoding.GSM7, sizes.gsm_single, sizes.gsm_part
    else:
        widths = [2 if ord(c) > 0xFFFF else 1 for c in body]
        encoding, single, part = Encoding.UCS2, sizes.ucs_single, sizes.ucs_part
    units = sum(widths)
    if units <= single:
        return Segments(encoding, units, 1, single - units, costly)
    parts, filled = 1, 0
    for width in widths:
        if filled + width > part:
            parts, filled = parts + 1, 0
        filled += width
    return Segments(encoding, units, parts, part - filled, costly)

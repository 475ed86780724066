"""Segments: the vectors of protocol 4, other part sizes, and an independent count (D37)."""

import pytest

from app.rules.segments import PLAIN, Encoding, PartSizes, Segments, measure

GSM, UCS = Encoding.GSM7, Encoding.UCS2


@pytest.mark.parametrize(
    ("body", "encoding", "units", "parts"),
    [
        ("", GSM, 0, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("€" * 80, GSM, 160, 1),
        ("€" * 81, GSM, 162, 2),
        ("a" * 152 + "€" + "a" * 152, GSM, 306, 3),  # an escape pair is never split
        ("a" * 1600, GSM, 1600, 11),
        ("é" * 160, GSM, 160, 1),
        ("Ç" * 160, GSM, 160, 1),
        ("\n" * 160, GSM, 160, 1),
        ("a" * 159 + "’", UCS, 160, 3),
        ("ş" * 70, UCS, 70, 1),
        ("ş" * 71, UCS, 71, 2),
        ("👍" * 35, UCS, 70, 1),
        ("👍" * 36, UCS, 72, 2),
        ("👍" * 67, UCS, 134, 3),  # a surrogate pair is never split
        ("🇹🇷", UCS, 4, 1),
        ("👨‍👩‍👧", UCS, 8, 1),
    ],
)
def test_d37_the_vectors_of_the_protocol_reference(body, encoding, units, parts):
    counted = measure(body)
    assert (counted.encoding, counted.units, counted.parts) == (encoding, units, parts)


BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"
FORCES_UCS2 = "áíóúçêôãõşğıİ“”‘’–—…`\t\u00a0🙂"


@pytest.mark.parametrize("character", [*BASIC, *EXTENSION, *FORCES_UCS2], ids=ascii)
def test_d37_each_character_of_the_alphabet(character):
    counted = measure(character)
    gsm = character not in FORCES_UCS2
    assert counted.encoding is (GSM if gsm else UCS)
    assert counted.units == (2 if character in EXTENSION + "🙂" else 1)
    assert counted.costly == (None if gsm else character)


def test_the_alphabet_has_127_characters_and_10_more():
    assert (len(set(BASIC)), len(set(EXTENSION))) == (127, 10)


@pytest.mark.parametrize(
    ("sizes", "body", "parts", "left"),
    [
        (PartSizes(gsm_single=147, gsm_part=147), "a" * 147, 1, 0),  # S4-41
        (PartSizes(gsm_single=147, gsm_part=147), "a" * 148, 2, 146),  # S4-42
        (PartSizes(gsm_single=147, gsm_part=147), "a" * 295, 3, 146),
        (PartSizes(gsm_part=152, ucs_part=66), "a" * 305, 3, 151),  # 16-bit reference: toll-free
        (PartSizes(gsm_part=152, ucs_part=66), "ş" * 133, 3, 65),
        (PartSizes(gsm_single=155, gsm_part=146), "a" * 156, 2, 136),  # a national table
    ],
)
def test_s4_41_d37_part_sizes_are_a_setting_of_the_provider_account(sizes, body, parts, left):
    counted = measure(body, sizes)
    assert (counted.parts, counted.left) == (parts, left)


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("", 160),
        ("a" * 107, 53),
        ("a" * 160, 0),
        ("a" * 161, 145),
        ("a" * 306, 0),
        ("a" * 307, 152),
        ("a" * 152 + "€" + "a" * 152, 152),  # 152, then € and 151, then one more
        ("ş", 69),
        ("ş" * 71, 63),
        ("👍" * 34 + "ş" * 3, 62),  # the 34th pair does not fit into the one unit left
    ],
)
def test_s4_40_how_much_still_fits_into_the_last_part(body, left):
    assert measure(body).left == left


def test_the_first_character_outside_the_alphabet_is_named():
    assert measure("I’m on “my” way 🙂") == Segments(UCS, 18, 1, 52, "’")


def test_every_plain_character_offered_instead_costs_nothing_extra():
    assert all(measure(char).costly == char for char in PLAIN)
    assert all(measure(plain).encoding is GSM for plain in PLAIN.values())

"""Phones: what people type becomes E.164 or a sentence that says why not (protocol 7, A10)."""

import pytest

from app.rules.phones import BadNumber, PhoneType, is_e164, parse, pretty


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("(512) 555-0147", "US", "+15125550147"),
        ("512.555.0147", "US", "+15125550147"),
        ("  1-512-555-0147 ", "US", "+15125550147"),
        ("512\u00a0555\u20110147", "US", "+15125550147"),  # no-break space, no-break hyphen
        ("tel:+15125550147", "GB", "+15125550147"),
        ("+1 512 555 0147", "TR", "+15125550147"),  # a "+" outranks the region
        ("07911 123456", "GB", "+447911123456"),
        ("+44 (0)7911 123456", "US", "+447911123456"),
        ("011 44 7911 123456", "US", "+447911123456"),  # dialled from the US
        ("0532 123 45 67", "TR", "+905321234567"),
        ("٥١٢٥٥٥٠١٤٧", "US", "+15125550147"),  # digits of another script
        ("800 555 0147", "US", "+18005550147"),  # toll-free, not premium
    ],
)
def test_a_typed_number_becomes_e164_with_the_default_region(typed, region, e164):
    assert parse(typed, region) == e164


DIGITS = "Write the number with digits"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("911", "emergency"),
        ("112", "emergency"),
        ("+19005550147", "premium"),
        ("900-234-5678", "premium"),
        ("+44 909 879 0000", "premium"),
        ("1-800-FLOWERS", DIGITS),
        ("call me", DIGITS),
        ("", DIGITS),
        ("   ", DIGITS),
        ("+", DIGITS),
        ("()", "is not a phone number"),
        ("+15125550147<b>", DIGITS),
        ("512 555 0147, 512 555 0148", DIGITS),
        ("512 555 0147 / 0148", "too many or too few"),
        ("555-0147 512-555-0147", "too many or too few"),
        ("+1415555267", "too many or too few"),
        ("9-1-1", "too many or too few"),
        ("12345678901234567890", "is not a phone number"),
        ("+19999999999", "not a number that is in use"),
        ("512 555 0147 x12", "extension"),
        ("512 555 0147 ext. 12", "extension"),
        ("512 555 0147 EXT 12", "extension"),
        ("512 555 0147 extension 12", "extension"),
        ("512 555 0147 #12", "extension"),
        ("+15125550147;ext=12", "extension"),
    ],
)
def test_a10_what_cannot_be_texted_is_refused_with_the_reason(typed, why):
    refused = parse(typed, "US")
    assert isinstance(refused, BadNumber)
    assert why in refused.message
    assert refused.message.endswith(".")


def test_a_national_number_of_another_region_is_not_guessed():
    assert isinstance(parse("512 555 0147", "GB"), BadNumber)
    assert isinstance(parse("512 555 0147", "ZZ"), BadNumber)


@pytest.mark.parametrize(
    ("address", "answerable"),
    [
        ("+15125550147", True),
        ("+2901234", True),
        ("+123456789012345", True),
        ("+1234567890123456", False),
        ("15125550147", False),
        ("+05125550147", False),
        ("+1512555014７", False),  # a full-width digit
        ("+15125550147\n", False),
        ("40404", False),
        ("NETGSM", False),
        ("+266696687", False),
        ("", False),
    ],
)
def test_w16_only_e164_can_be_answered(address, answerable):
    assert is_e164(address) is answerable


@pytest.mark.parametrize(
    ("address", "region", "shown"),
    [
        ("+15125550147", "US", "(512) 555-0147"),
        ("+15125550147", "CA", "(512) 555-0147"),  # one country code
        ("+15125550147", "GB", "+1 512-555-0147"),
        ("+447911123456", "GB", "07911 123456"),
        ("+447911123456", "US", "+44 7911 123456"),
        ("+9991234567", "US", "+9991234567"),  # a country nobody has
        ("40404", "US", "40404"),
        ("NETGSM", "US", "NETGSM"),
        ("", "US", "Unknown number"),
    ],
)
def test_a_number_is_shown_as_people_of_the_region_write_it(address, region, shown):
    assert pretty(address, region) == shown


def test_the_phone_types_are_those_of_the_contract():
    assert {t.value for t in PhoneType} == {"mobile", "home", "work", "other", "system"}

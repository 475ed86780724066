"""Registration: what the provider's words mean, and whose texts carriers let through."""

import pytest

from app.rules.registration import STAGE, Sort, Stage, groups, sort_of, word_for

LOCAL, OTHER, FREE = "+15125550190", "+15125550191", "+18005550100"
BRITISH, CANADIAN = "+447911123456", "+14165550123"


@pytest.mark.parametrize(
    ("e164", "sort"),
    [
        (LOCAL, Sort.LOCAL),
        (FREE, Sort.TOLL_FREE),
        ("+18885550100", Sort.TOLL_FREE),
        (CANADIAN, Sort.FOREIGN),
        (BRITISH, Sort.FOREIGN),
        ("12345", Sort.FOREIGN),
        ("", Sort.FOREIGN),
    ],
)
def test_what_is_asked_of_a_number_depends_on_its_sort(e164, sort):
    assert sort_of(e164) is sort


@pytest.mark.parametrize(
    ("status", "word", "tone"),
    [
        ("APPROVED", "Approved", "text"),
        ("VERIFIED", "Approved", "text"),
        ("TWILIO_APPROVED", "Approved", "text"),
        ("PENDING", "In review", "warn"),
        ("IN_PROGRESS", "In review", "warn"),
        ("PENDING_REVIEW", "In review", "warn"),
        ("FAILED", "Refused", "bad"),
        ("TWILIO_REJECTED", "Refused", "bad"),
        ("SUSPENDED", "Suspended", "bad"),
        ("DELETION_PENDING", "Being deleted", "bad"),
        ("SOMETHING_NEW", "Something new", "plain"),
        ("", "Unknown", "plain"),
    ],
)
def test_what_a_status_means(status, word, tone):
    assert (word_for(status).word, word_for(status).tone) == (word, tone)


def test_numbers_are_told_together_the_worst_first():
    stages = {LOCAL: STAGE["VERIFIED"], FREE: STAGE["IN_REVIEW"], BRITISH: Stage.APPROVED}
    found = groups([LOCAL, OTHER, FREE, BRITISH, CANADIAN], stages)
    assert [(group.tone, group.numbers) for group in found] == [
        ("bad", [OTHER]),
        ("warn", [FREE]),
        ("text", [LOCAL]),
        ("plain", [BRITISH, CANADIAN]),
    ]
    assert "30034" in found[0].told
    assert "30032" in found[1].told
    assert groups([], {}) == []

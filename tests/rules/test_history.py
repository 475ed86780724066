"""Every change of consent has its sentence (D13)."""

import pytest

from app.rules.consent import ConsentEvent as Event
from app.rules.history import ADDED_AFTER_STOP, MERGED_AFTER_STOP, because

KIM = "Kim Alvarez"

TABLE = [
    (Event.OPTED_OUT, "STOP", None, "Tomás texted “STOP”."),
    (Event.OPTED_OUT, "sto p", KIM, "Kim Alvarez opted Tomás out, who wrote “sto p”."),
    (
        Event.OPTED_OUT,
        "provider error 21610",
        None,
        "The phone company says that this person opted out.",
    ),
    (Event.PERSON_OPTED_OUT, "STOP", None, "Tomás opted out on another number, with “STOP”."),
    (
        Event.PERSON_OPTED_OUT,
        ADDED_AFTER_STOP,
        KIM,
        "Kim Alvarez added it after Tomás had opted out.",
    ),
    (
        Event.PERSON_OPTED_OUT,
        MERGED_AFTER_STOP,
        KIM,
        "Kim Alvarez merged Tomás with a record that had opted out.",
    ),
    (Event.OPTED_IN, "START", None, "Tomás texted “START”."),
    (Event.WROTE_FIRST, "wrote first", None, "Tomás wrote first."),
    (
        Event.NUMBER_INVALID,
        "provider error 30006",
        None,
        "The phone company says: landline (30006).",
    ),
    (Event.STAFF_DISABLED, "asked by phone", KIM, "Kim Alvarez: asked by phone."),
]


@pytest.mark.parametrize(("event", "words", "by", "sentence"), TABLE)
def test_a_change_in_words(event, words, by, sentence):
    assert because(event, "Tomás", words, by) == sentence

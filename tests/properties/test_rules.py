"""Properties: what the rules keep for every input, tried with inputs that nobody thought of."""

import unicodedata

import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from app.rules.consent import SmsStatus
from app.rules.keywords import Keyword
from app.rules.phones import PhoneType
from app.rules.recipient import Defaults, choose_phone, why_not
from app.rules.segments import PartSizes, measure
from tests.rules.test_keywords import MEANING, said
from tests.rules.test_recipient import (
    BY_STAFF,
    DEFAULT,
    ENABLED,
    INVALID,
    MOBILE,
    NEW,
    OLD,
    OWN_STOP,
    PERSON_STOP,
    SYSTEM,
    phone,
)
from tests.rules.test_segments import BASIC, EXTENSION, GSM, UCS


def is_dressing(character):
    folded = unicodedata.normalize("NFKC", character).casefold()
    return not any(unicodedata.category(c)[0] in "LMN" for c in folded)


NO_WORDS = st.text(st.characters(exclude_categories=["Cs", "L", "M", "N"]).filter(is_dressing))
WORDS = st.sampled_from(sorted(MEANING))


@settings(max_examples=60, deadline=None)
@given(WORDS, NO_WORDS, NO_WORDS)
def test_d15_whatever_is_no_letter_and_no_digit_at_the_ends_does_not_matter(word, before, after):
    assert said(before + word + after) is MEANING[word]


@settings(max_examples=60, deadline=None)
@given(WORDS, st.text("bdkmxz359", min_size=1), st.booleans())
def test_d15_only_the_whole_message_is_a_keyword(word, more, before):
    body = f"{more} {word}" if before else f"{word} {more}"
    assert said(body, stopped_here=True) in (Keyword.NONE, Keyword.VAGUE_STOP)


CONSENTS = st.sampled_from([ENABLED, DEFAULT, OWN_STOP, PERSON_STOP, BY_STAFF, INVALID])
SETS_OF_PHONES = st.lists(
    st.tuples(CONSENTS, st.sampled_from(PhoneType), st.sampled_from([None, OLD, NEW])), max_size=6
).map(lambda rows: [phone(n, *row) for n, row in enumerate(rows, 1)])


@settings(max_examples=80, deadline=None)
@given(SETS_OF_PHONES, st.booleans(), st.data())
def test_s3_81_s3_84_exactly_one_number_and_always_the_same(phones, opted_in, data):
    defaults = Defaults(opted_in, MOBILE)
    choice = choose_phone(phones, defaults)
    shuffled = data.draw(st.permutations(phones))
    assert choose_phone(shuffled, defaults) == choice
    textable = [p for p in phones if p.type is not SYSTEM and why_not(p, defaults) is None]
    assert (choice.phone in textable) if textable else choice.phone is None
    if choice.phone is not None:
        assert choice.phone.consent.status is not SmsStatus.DISABLED


# The escape character itself is none of a text's (A11): the library lets it pass, we do not.
CHARACTERS = st.sampled_from(BASIC + EXTENSION) | st.characters(
    exclude_categories=["Cs"], exclude_characters="\x1b"
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(CHARACTERS, min_size=1, max_size=6), st.integers(1, 90)),
        min_size=1,
        max_size=5,
    ).map(lambda runs: "".join(text * times for text, times in runs))
)
def test_d37_an_independent_library_counts_the_same(body):
    theirs = smsutil.split(body)
    ours = measure(body)
    assert ours.parts == len(theirs.parts)
    assert ours.encoding is (UCS if theirs.encoding == "utf_16_be" else GSM)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("a€ş👍"), max_size=400), st.integers(2, 20), st.integers(2, 20))
def test_a_text_never_costs_less_for_being_longer(body, gsm, ucs):
    sizes = PartSizes(gsm_single=gsm, gsm_part=gsm, ucs_single=ucs, ucs_part=ucs)
    shorter, longer = measure(body, sizes), measure(body + body[-1:], sizes)
    assert longer.parts >= shorter.parts
    size = gsm if shorter.encoding is GSM else ucs
    assert 0 <= shorter.left <= size
    assert shorter.parts * size >= shorter.units + shorter.left

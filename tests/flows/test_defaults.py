"""Defaults: how many people a change of them makes textable or not, counted by one query as the
rule says it of each, and said before it is saved (S3-4..S3-10, D8, D43)."""

import itertools
import re

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.database import db, transaction
from app.models import ContactNumber, Institution, Person, PersonKind, PersonPhone
from app.rules.access import Can
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.phones import PhoneType
from app.rules.recipient import choose_phone
from app.services import textable
from app.services.textable import Shift, Standards
from tests.configuring import general, settings
from tests.reading import text_of

STANDARDS = [
    Standards(student, staff, kind)
    for student, staff in itertools.product((True, False), repeat=2)
    for kind in (PhoneType.MOBILE, PhoneType.HOME)
]


def some_of_everything(school):
    """A person of every kind with every phone there is: each state, each type, two of them, none,
    removed ones, ours, and a short code."""
    states = [(SmsStatus.ENABLED, None), (SmsStatus.DEFAULT, None)]
    states += [(SmsStatus.DISABLED, by) for by in (DisabledBy.OWN_STOP, DisabledBy.STAFF)]
    each = [[(kind, *state)] for kind in PhoneType for state in states]
    mobile, home = (PhoneType.MOBILE, *states[1]), (PhoneType.HOME, *states[1])
    each += [[], [mobile, home], [mobile, (PhoneType.HOME, *states[0])]]
    each += [[(PhoneType.MOBILE, *states[2]), home]]
    numbers = itertools.count(2_000_000)
    at = db.session.get_one(Institution, school.id).created_at
    for kind, phones, odd in itertools.product(PersonKind, each, ("", "short", "removed")):
        person = Person(
            institution_id=school.id, kind=kind, given_name="A", family_name="B", created_at=at
        )
        db.session.add(person)
        db.session.flush()
        for type_, status, by in phones:
            e164 = f"{next(numbers)}" if odd == "short" else f"+1512{next(numbers)}"
            number = ContactNumber(
                institution_id=school.id, e164=e164, status=status, disabled_by=by
            )
            db.session.add(number)
            db.session.flush()
            db.session.add(
                PersonPhone(
                    institution_id=school.id,
                    person_id=person.id,
                    contact_number_id=number.id,
                    type=type_,
                    removed_at=at if odd == "removed" else None,
                )
            )


def everybody(school):
    """The kind and the phones of each person, as the rules know them."""
    people = select(Person).where(Person.institution_id == school.id)
    found = db.session.execute(people.options(selectinload(Person.phones))).scalars()
    return [(person.kind, [phone.facts() for phone in person.phones]) for person in found]


def by_the_rule(people, old, new):
    """Person by person."""
    gained = lost = 0
    for kind, phones in people:
        before, after = (
            choose_phone(phones, standards.of(kind)).phone is not None for standards in (old, new)
        )
        gained += after and not before
        lost += before and not after
    return Shift(gained, lost)


def test_the_count_agrees_with_the_rule_person_by_person(school):
    """S3-4..S3-10, D8: one query and the rule say the same of everybody."""
    with school.app.app_context(), school.another() as other:
        other.person("mobile")
        with transaction():
            some_of_everything(school)
        asking = school.viewer(school.admin(), [Can.SETTINGS_EDIT])
        seen, people = set(), everybody(school)
        for old, new in itertools.product(STANDARDS, repeat=2):
            found = textable.shift(asking, old, new)
            assert found == by_the_rule(people, old, new), (old, new)
            seen.add((found.gained > 0, found.lost > 0))
        db.session.remove()
    assert seen == {(False, False), (True, False), (False, True), (True, True)}


def test_a_new_default_is_saved_only_when_its_effect_was_seen(school):
    """S3-4: without script the form comes back once and says whom it moves."""
    school.person("mobile")
    school.person("mobile", name="Lee Morgan", kind="staff")
    school.person("home")
    with school.browser(school.admin()) as browser:
        form = general(school, student_default="opted_out", cool_off_days="9")
        asked = browser.post("/settings", data=form)
        assert asked.status_code == 200
        assert "1 person stops being textable and gets email instead." in text_of(asked)
        assert 'value="9"' in asked.text
        assert settings(school)["version"] == 1
        counted = re.findall(r'name="counted" value="([^"]+)"', asked.text)
        assert counted == ["out-in-mobile"]
        other = browser.post("/settings", data={**form, "counted": "in-in-home"})
        assert other.status_code == 200  # of another change than was seen
        assert browser.post("/settings", data={**form, "counted": counted[0]}).status_code == 303
    found = settings(school)
    assert (found["student_default"], found["cool_off_days"]) == ("opted_out", 9)


def test_a_default_that_moves_nobody_is_saved_at_once(school):
    with school.browser(school.admin()) as browser:
        answer = browser.post("/settings", data=general(school, staff_default="opted_out"))
    assert answer.status_code == 303
    assert settings(school)["staff_default"] == "opted_out"


def test_the_preview_counts_what_is_not_saved_yet(school):
    """S3-6: the phone type, too; and the length of the first contact line (D43)."""
    for phones in (["mobile"], ["home"], ["home"]):
        school.person(*phones)
    line = "Northfield College. STOP ends texts."
    with school.browser(school.admin()) as browser:
        form = general(school, default_phone_type="home", first_contact=line)
        told = text_of(browser.post("/settings/preview", data=form))
    assert "2 people become textable. 1 person stops being textable" in told
    assert f"{len(line)} characters. The line alone is 1 text, {160 - len(line) - 1} left" in told
    assert settings(school)["version"] == 1

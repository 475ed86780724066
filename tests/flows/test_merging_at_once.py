"""Two records of one person become one while somebody says STOP, writes or merges them too:
whichever comes first, who said STOP stays unreachable and nothing is lost (D13, D14, S3-54)."""

from sqlalchemy import select

from app.database import db
from app.errors import Conflict
from app.models import Conversation, Person, PersonPhone
from app.providers import InboundSms
from app.services import joining, receiving, separating
from tests.college import OURS, SID
from tests.school import at_once


def test_a_stop_in_the_same_moment_holds_for_all_numbers(college):
    """S3-54, D14: whichever comes first."""
    for turn in range(6):
        theirs, more = f"+1512555{turn:02d}61", f"+1512555{turn:02d}62"
        with college.inside():
            double, kept = college.person("M.", theirs), college.person("Maya", more)
            college.text(to=double)

        def stop(theirs=theirs, turn=turn):
            with college.inside():
                receiving.receive_many(
                    [InboundSms(SID, "SM" + str(turn) * 32, theirs, OURS, "STOP")]
                )

        def merge(kept=kept, double=double):
            with college.inside():
                joining.merge(college.dana, kept, double)

        at_once(stop, merge)
        with college.inside():
            person = db.session.get_one(Person, kept)
            assert person.opted_out_at
            found = {p.contact_number.e164: p.contact_number.status for p in person.phones}
            assert found == {theirs: "disabled", more: "disabled"}


def test_what_is_written_in_the_same_moment_is_with_who_is_kept_or_is_refused(college):
    """No conversation stays with somebody who is another by now."""
    for turn in range(6):
        with college.inside():
            double = college.person("M.", f"+1512555{turn:02d}63")
            kept = college.person("Maya", f"+1512555{turn:02d}64")
            if turn % 2:
                college.text(to=double)

        def write(double=double):
            with college.inside():
                try:
                    return college.text(to=double)
                except Conflict as error:
                    return error.code

        def merge(kept=kept, double=double):
            with college.inside():
                return joining.merge(college.dana, kept, double)

        wrote, merge_id = at_once(write, merge)
        with college.inside():
            here = select(Conversation.person_id).where(Conversation.person_id.in_([kept, double]))
            found = db.session.execute(here).scalars().all()
            assert found == ([kept] if turn % 2 or wrote != "merged" else [])
            separating.undo(college.dana, merge_id)
            found = db.session.execute(here).scalars().all()
            assert found == ([double] if turn % 2 or wrote != "merged" else [])


def test_two_who_merge_at_once_merge_once(college):
    """One the one way, one the other way round."""
    with college.inside():
        double = college.person("M.", "+15125550163")

    def merge(kept, other):
        with college.inside():
            try:
                return joining.merge(college.dana, kept, other) and "merged them"
            except Conflict as error:
                return error.code

    pair = (college.maya, double)
    assert sorted(at_once(lambda: merge(*pair), lambda: merge(*reversed(pair)))) == [
        "merged",
        "merged them",
    ]
    with college.inside():
        current = PersonPhone.removed_at.is_(None)
        owners = set(db.session.execute(select(PersonPhone.person_id).where(current)).scalars())
        assert len(owners) == 1

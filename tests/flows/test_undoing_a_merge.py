"""What happened to two people while they were one: whose it is when they are two again, and what is
written in the very moment (issue 5; D14, D20, D25, S3-54)."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.errors import Conflict
from app.models import (
    Advisee,
    ContactNumber,
    Conversation,
    Direction,
    Message,
    OptOutReplies,
    Person,
    PersonPhone,
    ProviderAccount,
    SavedDraft,
)
from app.providers import InboundSms
from app.rules.importing import Entry
from app.rules.lifecycle import Status
from app.services import (
    asking,
    claiming,
    comparing,
    drafts,
    import_known,
    joining,
    people,
    phones,
    receiving,
    sending,
    separating,
    students,
)
from app.services.dispatching import Draft
from tests.college import OURS, SID, THEIRS
from tests.school import at_once

B, C = "+15125550163", "+15125550164"
VAGUE = "please stop texting me"


@pytest.fixture
def double(college):
    """Another record of Maya, with a phone of its own; Dana has texted both."""
    with college.inside():
        found = college.person("M.", B)
        college.text("to Maya")
        college.text("to M.", to=found)
    return found


_sids = count(1)


def said(theirs, body):
    told = [InboundSms(SID, f"SM{next(_sids):032d}", theirs, OURS, body)]
    receiving.receive_many(told)


def thread_with(person_id):
    return db.session.execute(
        select(Conversation).where(Conversation.person_id == person_id)
    ).scalar_one()


def texts_with(person_id):
    rows = select(Message.body).join(Conversation).where(Conversation.person_id == person_id)
    return list(db.session.execute(rows.order_by(Message.id)).scalars())


def status(e164):
    return db.session.execute(
        select(ContactNumber.status).where(ContactNumber.e164 == e164)
    ).scalar_one()


def test_a_question_is_answered_once(college):
    """D20: two answer in the same moment, or a plain STOP answers it meanwhile."""
    for turn in range(8):
        theirs = f"+1512555{turn:02d}71"
        with college.inside():
            asked = college.person("M.", theirs)
            college.text(to=asked)
            said(theirs, VAGUE)
            thread = thread_with(asked).id
            assert thread_with(asked).ask_contact_id

        def answer(thread=thread):
            with college.inside():
                try:
                    return asking.answer_vague_opt_out(college.dana, thread, opts_out=True)
                except Conflict as error:
                    return error.code

        def stop(theirs=theirs):
            with college.inside():
                said(theirs, "STOP")

        answers = at_once(answer, stop if turn % 2 else answer)
        assert set(answers) <= {None, "already_answered"}
        with college.inside():
            assert status(theirs) == "disabled"
            assert thread_with(asked).ask_contact_id is None


def merged(college, double):
    return joining.merge(college.dana, college.maya, double)


def undone(college, merge_id):
    return separating.undo(college.dana, merge_id)


def test_what_was_texted_since_goes_back_with_its_number(college, double):
    """No answer to the one goes to the other; what waits for its time goes to neither."""
    with college.inside():
        merge_id = merged(college, double)
        said(B, "from M. since")
        answer = college.text("an answer to M.")
        later = sending.to_person(
            college.dana, college.maya, Draft("Later", send_at=clock.now() + timedelta(days=2))
        ).id
        said(B, "more from M.")
        left = undone(college, merge_id)
        theirs = ["to M.", "from M. since", "an answer to M.", "more from M."]
        assert texts_with(double) == theirs
        assert texts_with(college.maya) == ["to Maya", "Later"]
        assert left.messages == 1
        assert db.session.get_one(Message, answer).person_id == double
        found = db.session.get_one(Message, later)
        assert (found.status.word, found.error_code) == ("canceled", "unmerged")
        assert thread_with(double).unread == 1
        assert thread_with(college.maya).unread == 0
        assert thread_with(college.maya).in_contact_id is None


def test_a_start_of_the_one_lifts_no_stop_of_the_other(college, double):
    """S3-54, S3-58, D14: a number that is added to who said STOP starts off."""
    with college.inside():
        merge_id = merged(college, double)
        said(B, "STOP")
        said(THEIRS, "START")
        undone(college, merge_id)
        assert db.session.get_one(Person, double).opted_out_at
        assert db.session.get_one(Person, college.maya).opted_out_at is None
        people.add_phone(college.dana, double, C, "mobile")
        assert [status(e164) for e164 in (THEIRS, B, C)] == ["enabled", "disabled", "disabled"]


def numbers(person_id):
    rows = (
        select(ContactNumber.e164)
        .join(PersonPhone)
        .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
    )
    return set(db.session.execute(rows).scalars())


def test_who_was_removed_while_they_were_one_comes_back_with_their_phones(college, double):
    """An import removes a person and all phones at one time."""
    with college.inside():
        merge_id, now = merged(college, double), clock.now()
        with transaction():
            theirs = PersonPhone.person_id == college.maya
            db.session.execute(update(PersonPhone).where(theirs).values(removed_at=now))
            gone = update(Person).where(Person.id == college.maya)
            db.session.execute(gone.values(removed_at=now))
        left = undone(college, merge_id)
        assert left.phones == 0
        assert numbers(double) == {B}
        mine = select(PersonPhone.removed_at).where(PersonPhone.person_id == college.maya)
        assert db.session.execute(mine).scalars().all() == [now], "as the import left it"


def test_phones_that_an_import_took_from_the_one_come_back(college, double):
    """Its row knew one of the two; what a person of ours took away stays so (S3-38)."""
    with college.inside():
        people.add_phone(college.dana, double, C, "mobile")
        merge_id = merged(college, double)
        with transaction():
            own = select(ContactNumber.id).where(ContactNumber.e164.in_([THEIRS, B]))
            taken = update(PersonPhone).where(PersonPhone.contact_number_id.in_(own))
            db.session.execute(taken.values(removed_at=clock.now(), imported=True))
        (last,) = [p.id for p in phones.current(college.maya)]
        people.remove_phone(college.dana, last)
        assert undone(college, merge_id).phones == 1
        assert (numbers(college.maya), numbers(double)) == ({THEIRS}, {B})


def test_both_questions_are_asked_in_turn_and_each_goes_with_its_text(college, double):
    """D20: what was asked about the one is not forgotten for the other."""
    with college.inside():
        said(THEIRS, VAGUE)
        said(B, f"{VAGUE}, M.")
        merge_id = merged(college, double)
        thread = thread_with(college.maya)
        first = thread.ask_contact_id
        asking.answer_vague_opt_out(college.dana, thread.id, opts_out=False)
        second = thread_with(college.maya).ask_contact_id
        assert {first, second} == set(
            db.session.execute(
                select(ContactNumber.id).where(ContactNumber.e164.in_([THEIRS, B]))
            ).scalars()
        )
        assert thread_with(college.maya).unread == 2
        undone(college, merge_id)
        asked = {p: thread_with(p).ask_contact_id for p in (college.maya, double)}
        assert [id_ for id_ in asked.values() if id_] == [second]
        said(B, VAGUE)
        said(THEIRS, VAGUE)
        assert [thread_with(p).ask_opt_out for p in (college.maya, double)] == [VAGUE, VAGUE]
        merge_id = merged(college, double)
        undone(college, merge_id)
        assert [thread_with(p).ask_opt_out for p in (college.maya, double)] == [VAGUE, VAGUE]


def test_a_question_on_a_number_of_both_stays_with_whom_it_was_asked(college, double):
    with college.inside():
        people.add_phone(college.dana, college.maya, C, "mobile")
        college.text("on the shared one")
        with transaction():  # what they last wrote on is what they are answered on
            contact = phones.taken_up(college.id, C).id
            thread = thread_with(college.maya)
            db.session.execute(
                update(Message)
                .where(Message.conversation_id == thread.id)
                .values(contact_number_id=contact)
            )
        said(C, VAGUE)
        assert thread_with(college.maya).ask_contact_id == contact
        people.add_phone(college.dana, double, C, "mobile")
        undone(college, merged(college, double))
        assert thread_with(college.maya).ask_contact_id == contact
        assert thread_with(double).ask_contact_id is None


def test_unread_texts_are_unread_with_whom_they_are_from(college, double):
    with college.inside():
        said(THEIRS, "from Maya")
        said(B, "from M.")
        with transaction():
            thread_with(double).unread = 0
        undone(college, merged(college, double))
        assert [thread_with(p).unread for p in (college.maya, double)] == [1, 0]


def test_who_got_our_answer_to_help_waits_for_a_person_still(college, double):
    """D21: what nobody wrote answers nothing."""
    with college.inside():
        with transaction():
            db.session.execute(update(ProviderAccount).values(opt_out_replies=OptOutReplies.OURS))
        said(B, "HELP")
        before = thread_with(double).last_direction
        undone(college, merged(college, double))
        thread = thread_with(double)
        assert (before, thread.last_direction) == (Direction.INBOUND, Direction.INBOUND)
        assert thread.snippet == "HELP"


def test_what_is_half_written_goes_along(college, double):
    with college.inside():
        gone = thread_with(double).id
        drafts.save(college.dana, gone, "Dear M.", "k1")
        merged(college, double)
        typed = db.session.execute(select(SavedDraft.conversation_id, SavedDraft.body)).all()
        assert typed == [(thread_with(college.maya).id, "Dear M.")]


def doubles(college):
    """Pairs of people, one after the other, for what needs many tries."""
    for turn in range(6):
        with college.inside():
            yield college.person("M.", f"+1512555{turn:02d}81"), college.person("Maya")


def refused(action):
    """What it answers, or the code of the Conflict."""
    try:
        return action()
    except Conflict as error:
        return error.code


def test_nobody_who_is_another_by_now_gets_an_id(college):
    """The next import finds by it who was kept."""
    for other, kept in doubles(college):

        def change(other=other):
            with college.inside():
                refused(lambda: people.change(college.dana, other, {"source_id": f"N{other}"}))

        def merge(other=other, kept=kept):
            with college.inside():
                joining.merge(college.dana, kept, other)

        at_once(change, merge)
        with college.inside():
            assert db.session.get_one(Person, other).merged_into == kept
            assert db.session.get_one(Person, other).source_id is None


def test_an_import_finds_whom_an_id_is_of_also_on_the_record_that_went(college, double):
    with college.inside():
        merged(college, double)
        with transaction():
            gone = update(Person).where(Person.id == double)
            db.session.execute(gone.values(source_id="N1"))
        job = import_known.Job(1, 1, college.id, None, "US", False, False, False)
        entry = Entry(key="N1", source_id="N1", given_name="Maya", family_name="Torres")
        (found,) = import_known.known(job, [entry]).people["N1"]
        assert found.id == college.maya


def test_an_advisor_who_is_linked_in_the_same_moment_is_one_of_who_is_kept(college):
    for other, kept in doubles(college):

        def link(other=other):
            with college.inside():
                refused(lambda: students.link(college.dana, other, college.kim.staff_id))

        def merge(other=other, kept=kept):
            with college.inside():
                return joining.merge(college.dana, kept, other)

        _, merge_id = at_once(link, merge)
        with college.inside():
            here = select(Advisee.staff_id).where(Advisee.person_id == other)
            assert db.session.execute(here).all() == []
            undone(college, merge_id)


def test_a_report_in_the_same_moment_finds_its_message(college):
    """D31: where its conversation is by now."""
    for turn in range(6):
        with college.inside():
            other, kept = (
                college.person("M.", f"+1512555{turn:02d}91"),
                college.person("Maya", f"+1512555{turn:02d}92"),
            )
            college.text(to=kept)
            (first,) = claiming.claim(college.account, 10)
            college.report(first, Status.DELIVERED, sid=chr(ord("a") + turn))
            message = college.text(to=other)
            (call,) = claiming.claim(college.account, 10)

        def report(call=call, turn=turn):
            with college.inside():
                college.report(call, Status.DELIVERED, sid=str(turn))

        def merge(other=other, kept=kept):
            with college.inside():
                joining.merge(college.dana, kept, other)

        at_once(report, merge)
        with college.inside():
            assert db.session.get_one(Message, message).status is Status.DELIVERED


def test_a_stop_from_a_number_of_both_is_one_of_the_person(college, double):
    """S3-54: it was nobody's word while two had the number."""
    with college.inside():
        for person in (college.maya, double):
            people.add_phone(college.dana, person, C, "mobile")
        said(C, "STOP")
        assert db.session.get_one(Person, college.maya).opted_out_at is None
        merged(college, double)
        assert db.session.get_one(Person, college.maya).opted_out_at
        assert [status(e164) for e164 in (THEIRS, B, C)] == ["disabled"] * 3


def test_who_may_be_the_same_is_found_behind_many_who_are_gone(college, double):
    with college.inside():
        gone = [college.person("Maya") for _ in range(12)]
        same = college.person("Maya")
        with transaction():
            left = update(Person).where(Person.id.in_(gone))
            db.session.execute(left.values(removed_at=clock.now()))
        found = comparing.lookalikes(db.session.get_one(Person, college.maya))
        assert [person.id for person in found] == [same]

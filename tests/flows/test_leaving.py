"""Leaving: what was a colleague's finds somebody else, in one step, or nothing happens at all."""

import pytest
from sqlalchemy import insert, select, update

from app import clock
from app.database import db, transaction
from app.models import Advisee, Message
from app.rules.lifecycle import Status


def leave(browser, member, **plan):
    return browser.post(f"/staff/{member.id}/deactivate", data=plan)


def in_database(school, statement):
    with school.app.app_context(), transaction():
        return list(db.session.execute(statement)) if statement.is_select else _run(statement)


def _run(statement):
    db.session.execute(statement)
    return []


def hold(school, message_id):
    """As if it was written to be sent later."""
    in_database(school, update(Message).where(Message.id == message_id).values(status=Status.HELD))


def advises(school, member, *people):
    rows = [
        {"staff_id": member.id, "person_id": p.id, "institution_id": school.id, "created_at": at}
        for p in people
        for at in [clock.now()]
    ]
    in_database(school, insert(Advisee).values(rows))


def students_of(school, member):
    rows = select(Advisee.person_id).where(Advisee.staff_id == member.id)
    return sorted(person for (person,) in in_database(school, rows))


@pytest.fixture
def desk(school):
    """Dana with a number, two conversations, a text for later in the first, and two students."""
    dana, ours = school.holder()
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    thread = dana.send(maya)["conversation_id"]
    other = dana.send(tomas)["conversation_id"]
    school.texts(maya.numbers[0], ours, "Fine")
    later = dana.send(maya, "Later")["id"]
    dana.settled(later, "delivered")
    hold(school, later)
    advises(school, dana, maya, tomas)
    return dana, ours, maya, thread, other, later


def test_everything_goes_to_colleagues(school, desk):
    """D25: the number to one, the conversations with the texts for later and the students to
    another; what the student says next comes there."""
    dana, ours, maya, thread, _, later = desk
    lee, kim = school.member(name="Lee Morgan"), school.member(name="Kim Alvarez")
    advises(school, kim, maya)
    with school.browser(school.admin()) as browser:
        page = browser.get(f"/staff/{dana.id}/deactivate").text
        for words in ("<dd>3</dd>", "<dd>1</dd>", "<dd>2</dd>"):
            assert words in page
        plan = {"number": lee.id, "conversations": kim.id, "texts": "keep", "students": kim.id}
        assert leave(browser, dana, **plan).status_code == 303
    assert dana.api.get("/usage").status_code == 401  # I23
    assert school.number(ours)["staff_id"] == lee.id
    assert len(kim.conversations()) == 3
    markers = [m["name"] for c in kim.conversations(q="maya") for m in c["markers"]]
    assert markers == ["number_handed_over", "handed_over"]
    held = kim.message(later)
    assert (held["status"], held["staff_id"], held["conversation_id"]) == ("held", kim.id, thread)
    assert len(students_of(school, kim)) == 2
    assert students_of(school, dana) == []
    school.texts(maya.numbers[0], ours, "Who is this now?")
    assert kim.thread(thread)[-1]["body"] == "Who is this now?"


def test_without_colleagues_nothing_is_lost(school, desk):
    """D7, D26: the number goes to the pool, the conversations are unclaimed, the texts are
    canceled."""
    dana, ours, maya, thread, _, later = desk
    admin = school.admin()
    with school.browser(admin) as browser:
        assert leave(browser, dana).status_code == 303
    assert school.number(ours)["status"] == "available"
    assert school.usage()["numbers"]["assigned"] == 0
    assert {c["staff_id"] for c in admin.conversations()} == {None}
    assert admin.message(later)["status"] == "canceled"
    assert students_of(school, dana) == []
    school.texts(maya.numbers[0], ours, "Hello?")
    assert admin.thread(thread)[-1]["body"] == "Hello?"


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"number": "rosa"}, "no role that may hold a number"),
        ({"number": "lee"}, "holds another number already"),
        ({"conversations": "dana"}, "Choose an active colleague"),
        ({"conversations": "stranger"}, "Choose an active colleague"),
        ({"students": "gone"}, "Choose an active colleague"),
        ({"texts": "keep"}, "only go to whoever gets the conversations"),
        ({"number": "x"}, "Choose from the lists"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_changes_nothing(school, desk, plan, words):
    """One transaction: all of it or none."""
    dana, ours, _, _, _, later = desk
    lee, _ = school.holder(name="Lee Morgan")
    rosa, gone = school.member("Responder", name="Rosa Diaz"), school.member(name="Gone Long")
    with school.another() as elsewhere, school.browser(school.admin()) as browser:
        stranger = elsewhere.member()
        assert leave(browser, gone).status_code == 303
        ids = {"rosa": rosa, "lee": lee, "dana": dana, "stranger": stranger, "gone": gone}
        asked = {k: ids[v].id if v in ids else v for k, v in plan.items()}
        answer = leave(browser, dana, **asked)
        assert (answer.status_code, words in answer.text) == (422, True)
        assert leave(browser, stranger).status_code == 404
    assert school.number(ours)["staff_id"] == dana.id
    assert len(dana.conversations()) == 3
    assert dana.message(later)["status"] == "held"
    assert len(students_of(school, dana)) == 2


def test_the_last_administrator_stays_and_others_come_back(school):
    """M2; who is only invited is no administrator yet."""
    admin, dana = school.admin(), school.member()
    with school.browser(admin) as browser:
        invited = {"name": "Nia", "email": f"nia.{dana.email}", "role": "Administrator"}
        assert browser.post("/staff", data=invited).status_code == 303
        refused = leave(browser, admin)
        assert (refused.status_code, "last administrator" in refused.text) == (422, True)
        leave(browser, dana)
        assert "deactivated already" in leave(browser, dana).text
        with pytest.raises(AssertionError), school.browser(dana):
            pass
        assert browser.post(f"/staff/{dana.id}/reactivate").status_code == 303
        assert browser.post(f"/staff/{dana.id}/reactivate").status_code == 409
    with school.browser(dana) as again:
        assert again.get("/inbox").status_code == 200

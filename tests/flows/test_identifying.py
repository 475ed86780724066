"""Who is this? The number of a thread becomes somebody's, or is taken from the wrong person; texts
and events go along, consent stays (D6, D13, D14, D22)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.database import db
from app.models import ContactNumber
from tests.reading import pretty
from tests.school import at_once, new_number


@pytest.fixture
def dana(school):
    return school.holder()


def asked(school, member, path, **form):
    """Press a button on the page; the answer."""
    with school.browser(member) as browser:
        return browser.post(f"/people/identify/{path}", data=form)


def thread_of(member, number):
    """The one conversation of a bare number."""
    found = [c for c in member.conversations() if c["recipient"] == number]
    assert len(found) == 1, found
    return found[0]


def became(answer):
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def bodies(member, thread):
    return [m["body"] for m in member.thread(thread)]


def markers(member, thread, name="name_learnt"):
    found = member.api.get(f"/conversations/{thread}").json()["markers"]
    return [m["text"] for m in found if m["name"] == name]


def statuses(school, person_id):
    phones = school.admin().api.get(f"/people/{person_id}").json()["phones"]
    return {p["number"]: p["sms_status"] for p in phones}


def test_an_unknown_number_is_somebody_on_record(school, dana):
    """The thread keeps its address, the texts their order, and the next one comes to it (D6)."""
    dana, ours = dana
    number, marcus = new_number(), school.person(name="Marcus Bell")
    school.texts(number, ours, "its marcus")
    thread = thread_of(dana, number)["id"]
    before = statuses(school, marcus.id)
    seq = dana.events()[-1]["seq"]
    assert became(asked(school, dana, f"{thread}/link", person_id=marcus.id)) == thread
    found = dana.api.get(f"/conversations/{thread}").json()
    assert (found["person_id"], found["unread"]) == (marcus.id, 1)
    assert markers(dana, thread) == [f"{pretty(number)} is Marcus Bell, said Dana Whitfield"]
    assert [m["person_id"] for m in dana.thread(thread)] == [marcus.id]
    # Consent is the number's own: it wrote first, so it is ENABLED, and stays so (D13, D22).
    assert before == {}
    assert statuses(school, marcus.id) == {number: "enabled"}
    told = {e["name"] for e in dana.events(seq)}
    assert {"conversation.changed", "person.changed"} <= told
    school.texts(number, ours, "thanks")
    assert bodies(dana, thread) == ["its marcus", "thanks"]
    again = asked(school, dana, f"{thread}/link", person_id=marcus.id)
    assert again.status_code == 409


def test_it_goes_into_the_thread_the_holder_has_with_them(school, dana):
    """D5: one thread per holder and person."""
    dana, ours = dana
    number, marcus = new_number(), school.person("mobile", name="Marcus Bell")
    theirs = dana.send(marcus, "Hello Marcus")["conversation_id"]
    school.texts(number, ours, "its my new phone")
    bare = thread_of(dana, number)["id"]
    assert became(asked(school, dana, f"{bare}/link", person_id=marcus.id)) == theirs
    assert bodies(dana, theirs) == ["Hello Marcus", "its my new phone"]
    assert dana.api.get(f"/conversations/{bare}").status_code == 404
    assert dana.api.get(f"/conversations/{theirs}").json()["unread"] == 1
    assert len(markers(dana, theirs)) == 1


def test_the_opted_out_mark_of_a_person_applies_to_the_number(school, dana):
    """D14: one that nobody has decided about starts DISABLED for who said STOP."""
    dana, ours = dana
    marcus = school.person("mobile", name="Marcus Bell")
    dana.settled(dana.send(marcus)["id"], "delivered")
    school.texts(marcus.numbers[0], ours, "STOP")
    number = new_number()
    with_it = school.person(("mobile", number), name="Wrong Guess")
    thread = dana.send(with_it, "Is this Marcus?")["conversation_id"]
    bare = became(asked(school, dana, f"{thread}/split", contact_id=contact(school, number)))
    asked(school, dana, f"{bare}/link", person_id=marcus.id)
    assert statuses(school, marcus.id)[number] == "disabled"
    assert dana.route(marcus)["reason"] == "opted_out"


def contact(school, number):
    with school.app.app_context():
        found = db.session.execute(
            select(ContactNumber.id).where(
                ContactNumber.institution_id == school.id, ContactNumber.e164 == number
            )
        ).scalar_one()
        db.session.remove()
    return found


def test_a_new_person_is_made_of_it(school, dana):
    dana, ours = dana
    number = new_number()
    school.texts(number, ours, "hi im new")
    thread = thread_of(dana, number)["id"]
    form = {"given_name": " ", "family_name": "Bell", "kind": "prospect"}
    refused = asked(school, dana, f"{thread}/create", **form)
    assert refused.status_code == 422
    assert "Give a name." in refused.text
    assert 'value="Bell"' in refused.text
    assert dana.api.get(f"/conversations/{thread}").json()["person_id"] is None
    form["given_name"] = "Marcus"
    assert became(asked(school, dana, f"{thread}/create", **form)) == thread
    made = dana.api.get(f"/conversations/{thread}").json()["person_id"]
    found = dana.api.get(f"/people/{made}").json()
    assert (found["kind"], found["family_name"]) == ("prospect", "Bell")
    assert [p["number"] for p in found["phones"]] == [number]


def test_a_number_is_split_off_the_wrong_person(school, dana):
    """Its texts go to a thread of the bare number; the rest stays, with its counts."""
    dana, ours = dana
    wrong = new_number()
    maya = school.person("mobile", ("home", wrong), name="Maya Torres")
    thread = dana.send(maya, "Hello")["conversation_id"]
    school.texts(maya.numbers[0], ours, "Hi")
    dana.api.patch(f"/conversations/{thread}", json={"read": True})
    school.texts(wrong, ours, "who is maya")
    assert bodies(dana, thread) == ["Hello", "Hi", "who is maya"]
    before = dana.api.get(f"/phones/{maya.phone_ids[1]}/consent").json()["items"]
    bare = became(asked(school, dana, f"{thread}/split", contact_id=contact(school, wrong)))
    assert bare != thread
    assert bodies(dana, bare) == ["who is maya"]
    assert bodies(dana, thread) == ["Hello", "Hi"]
    left, new = (dana.api.get(f"/conversations/{t}").json() for t in (thread, bare))
    assert (left["unread"], left["snippet"], left["person_id"]) == (0, "Hi", maya.id)
    assert (new["unread"], new["snippet"], new["person_id"]) == (1, "who is maya", None)
    told = [f"{pretty(wrong)} is not Maya Torres, said Dana Whitfield"]
    assert (markers(dana, thread), markers(dana, bare)) == (told, told)
    assert list(statuses(school, maya.id)) == [maya.numbers[0]]
    assert dana.api.get(f"/phones/{maya.phone_ids[1]}/consent").status_code == 200
    assert len(before) == len(dana.api.get(f"/phones/{maya.phone_ids[1]}/consent").json()["items"])
    school.texts(wrong, ours, "still not maya")
    assert bodies(dana, bare) == ["who is maya", "still not maya"]


def test_a_thread_with_nothing_else_becomes_the_numbers(school, dana):
    dana, ours = dana
    wrong = school.person("mobile", name="Wrong Guess")
    thread = dana.send(wrong, "Is this you?")["conversation_id"]
    bare = became(
        asked(school, dana, f"{thread}/split", contact_id=contact(school, wrong.numbers[0]))
    )
    assert bare == thread
    assert dana.api.get(f"/conversations/{thread}").json()["person_id"] is None
    school.texts(wrong.numbers[0], ours, "no")
    assert bodies(dana, thread) == ["Is this you?", "no"]


def test_only_who_may_says_who_it_is(school, dana):
    """C-19, D3: not a colleague, not who may only answer; nothing changes."""
    dana, ours = dana
    number, marcus = new_number(), school.person("mobile", name="Marcus Bell")
    school.texts(number, ours, "its marcus")
    bare = thread_of(dana, number)["id"]
    theirs = dana.send(marcus, "Hello")["conversation_id"]
    kim, sam = school.member(name="Kim Alvarez"), school.member("Responder", name="Sam Nowak")
    for path, form in (
        (f"{bare}/link", {"person_id": marcus.id}),
        (f"{bare}/create", {"given_name": "X", "kind": "student"}),
        (f"{theirs}/split", {"contact_id": contact(school, marcus.numbers[0])}),
    ):
        assert asked(school, kim, path, **form).status_code == 404
        assert asked(school, sam, path, **form).status_code == 403
    with school.another() as elsewhere:
        stranger = elsewhere.admin()
        elsewhere_person = elsewhere.person(name="Somebody Else")
        assert asked(elsewhere, stranger, f"{bare}/link", person_id=1).status_code == 404
        wrong = asked(school, dana, f"{bare}/link", person_id=elsewhere_person.id)
        assert wrong.status_code == 404
    assert dana.api.get(f"/conversations/{bare}").json()["person_id"] is None
    assert list(statuses(school, marcus.id)) == marcus.numbers
    manager = school.member("Manager", name="Mel Ortiz")
    assert became(asked(school, manager, f"{bare}/link", person_id=marcus.id)) == theirs


def test_said_twice_at_once_it_is_said_once(school, dana):
    """Two windows: one makes the thread somebody's, the other is told that it was done."""
    dana, ours = dana
    number = new_number()
    one, two = (school.person(name=f"{name} Bell") for name in ("Marcus", "Ana"))
    school.texts(number, ours, "its me")
    bare = thread_of(dana, number)["id"]
    with school.browser(dana) as first, school.browser(dana) as second:
        path = f"/people/identify/{bare}/link"
        answers = at_once(
            lambda: first.post(path, data={"person_id": one.id}),
            lambda: second.post(path, data={"person_id": two.id}),
        )
    assert sorted(a.status_code for a in answers) == [303, 409]
    assert len(markers(dana, bare)) == 1
    assert [len(statuses(school, person.id)) for person in (one, two)].count(1) == 1


def test_what_waits_for_its_time_stays_with_the_person(school, dana):
    """D34: a text for Maya is not sent to whoever has the number that was not hers."""
    dana, ours = dana
    wrong = new_number()
    maya = school.person(("mobile", wrong), name="Maya Torres")
    soon = (clock.now() + timedelta(days=2)).isoformat()
    held = dana.send(maya, "For Maya alone", send_at=soon, phone_id=maya.phone_ids[0])
    thread = held["conversation_id"]
    school.texts(wrong, ours, "who is maya")
    bare = became(asked(school, dana, f"{thread}/split", contact_id=contact(school, wrong)))
    assert bare != thread
    assert bodies(dana, bare) == ["who is maya"]
    assert dana.message(held["id"])["conversation_id"] == thread
    left = dana.api.get(f"/conversations/{thread}").json()
    assert (left["person_id"], left["snippet"], left["unread"]) == (maya.id, "", 0)

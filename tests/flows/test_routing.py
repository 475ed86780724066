"""Routing: which thread a text belongs to, and who sees it (D6, D7)."""

import pytest

from tests.school import new_number


def only_unread(member) -> dict:
    (thread,) = member.conversations(unread="true")
    return thread


def deactivate(school, member) -> None:
    answer = school.admin().api.patch(f"/staff/{member.id}", json={"active": False})
    assert answer.status_code == 200, answer.text


def hand_number(school, number: str, member) -> None:
    """Straight to another holder; the conversations stay where they are (D25)."""
    answer = school.admin().api.post(
        f"/numbers/{school.number(number)['id']}/assign",
        json={"staff_id": member.id, "conversations": "keep"},
    )
    assert answer.status_code == 201, answer.text


def release(school, number: str) -> None:
    found = school.number(number)["id"]
    assert school.admin().api.delete(f"/numbers/{found}/assignment").status_code == 204


def test_a_text_goes_to_who_holds_the_number(school):
    """D6: each holder has a thread of their own with the same person (D5)."""
    (dana, danas), (kim, kims) = school.holder(), school.holder(name="Kim Alvarez")
    maya = school.person("mobile")
    school.texts(maya.numbers[0], danas, "For Dana")
    school.texts(maya.numbers[0], kims, "For Kim")
    assert (only_unread(dana)["snippet"], only_unread(dana)["person_id"]) == ("For Dana", maya.id)
    assert (only_unread(kim)["snippet"], only_unread(kim)["person_id"]) == ("For Kim", maya.id)


def test_any_phone_of_a_person_reaches_the_thread_with_them(school):
    """D6: the only person who owns it; texted or not."""
    dana, ours = school.holder()
    maya = school.person("mobile", "home")
    sent = dana.send(maya)
    school.texts(maya.numbers[1], ours, "From my other phone")
    assert only_unread(dana)["id"] == sent["conversation_id"]


def test_a_number_of_nobody_is_seen_with_inbox_all_only(school):
    """D7: nothing is dropped, and nobody sees what is not theirs, in the feed either."""
    dana, _ = school.holder()
    (free,) = school.pool(1)
    maya = school.person("mobile")
    before = max(event["seq"] for event in dana.events())
    school.texts(maya.numbers[0], free, "Anybody there?")
    thread = only_unread(school.admin())
    assert (thread["staff_id"], thread["person_id"]) == (None, maya.id)
    assert dana.conversations(unread="true") == []
    assert dana.api.get(f"/conversations/{thread['id']}").status_code == 404
    assert dana.api.get(f"/conversations/{thread['id']}/messages").status_code == 404
    assert [e for e in dana.events(before) if "conversation" in e["ids"]] == []
    manager = school.member("Manager", name="Lee Park")
    assert [c["id"] for c in manager.conversations(unread="true")] == [thread["id"]]


def test_a_reply_reaches_who_wrote_not_who_holds_the_number_now(school):
    """D6, I5: never a stranger who now holds the number; who was never texted reaches the new
    holder."""
    dana, ours = school.holder()
    maya, jaylen = school.person("mobile"), school.person("mobile", name="Jaylen Brooks")
    dana.settled(dana.send(maya)["id"], "delivered")
    kim = school.member(name="Kim Alvarez")
    hand_number(school, ours, kim)
    school.texts(maya.numbers[0], ours, "To the one who wrote to me")
    school.texts(jaylen.numbers[0], ours, "To the number I was told")
    assert only_unread(dana)["snippet"] == "To the one who wrote to me"
    assert only_unread(kim)["snippet"] == "To the number I was told"


def test_the_latest_text_on_the_pair_decides(school):
    """D6: once the new holder has written too, answers are theirs."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.settled(dana.send(maya)["id"], "delivered")
    kim = school.member(name="Kim Alvarez")
    hand_number(school, ours, kim)
    kim.settled(kim.send(maya, "Kim here, I have taken over.")["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Hi Kim")
    assert only_unread(kim)["snippet"] == "Hi Kim"
    assert dana.conversations(unread="true") == []


def test_a_released_number_still_reaches_its_earlier_holder(school):
    """D6, M9: those who were texted from it; everybody else reaches the unclaimed queue."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.settled(dana.send(maya)["id"], "delivered")
    release(school, ours)
    stranger = new_number()
    school.texts(maya.numbers[0], ours, "Thanks!")
    school.texts(stranger, ours, "Hello?")
    assert only_unread(dana)["snippet"] == "Thanks!"
    (unclaimed,) = [c for c in school.admin().conversations(unread="true") if c["staff_id"] is None]
    assert unclaimed["recipient"] == stranger


@pytest.mark.parametrize("new_holder", [False, True])
def test_an_answer_to_who_is_gone_is_unclaimed(school, new_holder):
    """D6: to *unclaimed* when they are gone, whoever holds the number now."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    dana.settled(dana.send(maya)["id"], "delivered")
    kim = school.member(name="Kim Alvarez")
    if new_holder:
        hand_number(school, ours, kim)
    deactivate(school, dana)
    school.texts(maya.numbers[0], ours, "Are you still there?")
    assert kim.conversations() == []
    assert only_unread(school.admin())["staff_id"] is None


def test_a_retired_number_is_still_heard(school):
    """D26, D7: out of the pool for good, but a text to it is kept."""
    (free,) = school.pool(1)
    found = school.number(free)["id"]
    assert school.admin().api.delete(f"/numbers/{found}").status_code == 204
    school.texts(new_number(), free, "An old number of yours")
    assert only_unread(school.admin())["staff_id"] is None


def test_a_shared_phone_says_who_it_may_be(school):
    """D6: several owners and no text to any: the thread of the number, with their names."""
    dana, ours = school.holder()
    home = new_number()
    family = ["Maya Torres", "Luis Torres", "Ana Torres"]
    for name in family:
        school.person(("home", home), name=name)
    school.texts(home, ours, "It is one of us")
    thread = only_unread(dana)
    assert (thread["person_id"], thread["recipient"]) == (None, home)
    with school.browser(dana) as browser:
        page = browser.get(f"/inbox/{thread['id']}").text
    assert "This number may belong to" in page
    assert all(name in page for name in family)


def test_of_a_shared_phone_the_one_last_texted_wins(school):
    """D6: by the latest outbound text of this holder, not of a colleague."""
    (dana, danas), (kim, kims) = school.holder(), school.holder(name="Kim Alvarez")
    home = new_number()
    maya = school.person(("mobile", home))
    luis = school.person(("mobile", home), name="Luis Torres")
    for person in (maya, luis):
        dana.settled(dana.send(person)["id"], "delivered")
    kim.settled(kim.send(maya)["id"], "delivered")
    school.texts(home, danas, "To Dana")
    assert only_unread(dana)["person_id"] == luis.id
    school.texts(home, kims, "To Kim")
    assert only_unread(kim)["person_id"] == maya.id
    dana.settled(dana.send(maya)["id"], "delivered")
    school.texts(home, danas, "To Dana again")
    assert {c["person_id"]: c["unread"] for c in dana.conversations(unread="true")} == {
        luis.id: 1,
        maya.id: 1,
    }


def test_a_phone_taken_from_a_person_is_no_longer_theirs(school):
    """D6: an old number that changed hands does not reach the old owner's thread."""
    dana, ours = school.holder()
    maya = school.person("mobile", "home")
    dana.settled(dana.send(maya)["id"], "delivered")
    api = school.admin().api
    assert api.delete(f"/phones/{maya.phone_ids[0]}").status_code == 204
    school.texts(maya.numbers[0], ours, "You have the wrong number")
    assert only_unread(dana)["person_id"] is None


def test_a_conversation_handed_over_takes_its_answers_along(school):
    """D6, D4: the thread has a new holder, who need not hold a number."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    sent = dana.send(maya)
    dana.settled(sent["id"], "delivered")
    sam = school.member("Responder", name="Sam Okafor")
    answer = dana.api.patch(f"/conversations/{sent['conversation_id']}", json={"staff_id": sam.id})
    assert answer.status_code == 200, answer.text
    school.texts(maya.numbers[0], ours, "Hi Sam")
    assert only_unread(sam)["snippet"] == "Hi Sam"
    assert dana.conversations(unread="true") == []

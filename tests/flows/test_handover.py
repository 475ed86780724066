"""Handing over: conversations and numbers change hands, and answers still find their reader (S3-15,
D4, D6, D25)."""

from datetime import UTC, datetime, timedelta

import pytest

ROSA = "Rosa Diaz"


def hand_over(by, thread, to):
    return by.api.patch(f"/conversations/{thread}", json={"staff_id": to.id})


def assign(school, number, to, conversations="keep"):
    body = {"staff_id": to.id, "conversations": conversations}
    number_id = school.number(number)["id"]
    return school.admin().api.post(f"/numbers/{number_id}/assign", json=body)


def bodies(member, thread):
    return [m["body"] for m in member.thread(thread)]


@pytest.fixture
def talk(school):
    """Dana holds the only number and a conversation with Maya, in which Maya wrote last."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya, "How is the term?")["conversation_id"]
    school.texts(maya.numbers[0], ours, "Fine")
    return dana, maya, ours, thread


# A conversation


def test_who_may_only_answer_does_so_from_the_conversations_number(school, talk):
    """S3-15, D4: and holds no number afterwards; what the student says next comes to them."""
    dana, maya, ours, thread = talk
    rosa = school.member("Responder", name=ROSA)
    handed = hand_over(dana, thread, rosa)
    assert (handed.status_code, handed.json()["staff_id"]) == (200, rosa.id)
    assert [m["name"] for m in handed.json()["markers"]] == ["handed_over"]
    assert rosa.route(maya)["sender"] == ours

    answer = rosa.reply(thread, "I am Rosa")
    assert (answer["channel"], answer["reason"], answer["from"]) == ("sms", "reply", ours)
    rosa.settled(answer["id"], "delivered")
    assert rosa.send(maya, "Anything else?")["conversation_id"] == thread
    assert school.usage()["numbers"]["assigned"] == 1
    assert school.number(ours)["staff_id"] == dana.id

    school.texts(maya.numbers[0], ours, "No, thanks")
    said = ["How is the term?", "Fine", "I am Rosa", "Anything else?", "No, thanks"]
    assert bodies(rosa, thread) == said
    assert dana.conversations() == []


def test_they_may_not_start_one(school, talk):
    """S3-14, D41: not with others, and not where nobody has written to us."""
    dana, _, _, _ = talk
    rosa, ana = school.member("Responder", name=ROSA), school.person("mobile")
    unanswered = dana.send(ana)["conversation_id"]
    hand_over(dana, unanswered, rosa)
    before = school.usage(), len(rosa.said_to(ana))
    refused = [
        rosa.tries(ana),
        rosa.tries(school.person("mobile")),
        rosa.api.post(f"/conversations/{unanswered}/messages", json={"body": "Hello"}),
        rosa.api.get(f"/people/{ana.id}/route"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role_not_permitted")
    assert (school.usage(), len(rosa.said_to(ana))) == before


def test_without_the_conversations_number_an_answer_is_an_email(school, talk):
    """D4: it is retired, and who may only answer gets no other one, although the pool has one."""
    dana, _, ours, thread = talk
    rosa = school.member("Responder", name=ROSA)
    hand_over(dana, thread, rosa)
    school.pool(1)
    school.admin().api.delete(f"/numbers/{school.number(ours)['id']}")
    answer = rosa.reply(thread)
    assert (answer["channel"], answer["reason"]) == ("email", "pool_empty")
    assert school.usage()["numbers"] == {"assigned": 0, "limit": None, "available": 1}


def test_an_advisor_who_lost_the_right_still_answers(school, talk):
    """D4: in their conversations from before, from the conversation's number."""
    dana, maya, ours, thread = talk
    changed = school.admin().api.patch(f"/staff/{dana.id}", json={"roles": ["Responder"]})
    assert changed.status_code == 200
    answer = dana.reply(thread)
    assert (answer["channel"], answer["from"]) == ("sms", ours)
    assert dana.send(maya)["from"] == ours
    refused = dana.tries(school.person("mobile"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "role_not_permitted")


def test_who_gave_it_away_is_told_who_has_it(school, talk):
    """U6, D5: an answer there goes nowhere; writing anew is a conversation of one's own."""
    dana, maya, ours, thread = talk
    rosa = school.member("Responder", name=ROSA)
    hand_over(dana, thread, rosa)
    refused = dana.api.post(f"/conversations/{thread}/messages", json={"body": "Hello"})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "handled_by_other"
    assert ROSA in refused.json()["error"]["message"]
    own = dana.send(maya, "Dana again")["conversation_id"]
    assert own != thread
    school.texts(maya.numbers[0], ours, "Hi Dana")  # answers what the number sent last (D6)
    assert bodies(dana, own) == ["Dana again", "Hi Dana"]
    assert bodies(rosa, thread) == ["How is the term?", "Fine"]


def test_with_a_colleague_who_knows_the_person_the_two_become_one(school, talk):
    """D5, D25: one conversation per member of staff and person; nothing is lost, in its order."""
    dana, maya, ours, thread = talk
    school.pool(1)
    lee = school.member(name="Lee Morgan")
    own = lee.send(maya, "Lee here")["conversation_id"]
    assert hand_over(dana, thread, lee).json()["id"] == own
    (only,) = lee.conversations()
    assert (only["id"], only["unread"]) == (own, 1)
    assert bodies(lee, own) == ["How is the term?", "Fine", "Lee here"]
    assert dana.api.get(f"/conversations/{thread}").status_code == 404
    school.texts(maya.numbers[0], ours, "To Dana's number")  # whose text is Lee's now
    assert bodies(lee, own)[-1] == "To Dana's number"


def test_who_may_hand_it_over_and_to_whom(school, talk):
    """D3, D1: its holder, or who sees all; to somebody of the same school who still works here."""
    dana, _, _, thread = talk
    lee, gone = school.member(name="Lee Morgan"), school.member(name="Sam Reed")
    school.admin().api.patch(f"/staff/{gone.id}", json={"active": False})
    assert hand_over(lee, thread, lee).status_code == 404
    assert hand_over(dana, thread, gone).status_code == 404
    with school.another() as other:
        assert hand_over(dana, thread, other.member()).status_code == 404
    held = hand_over(dana, thread, dana)
    assert (held.status_code, held.json()["error"]["code"]) == (409, "already_held")
    assert hand_over(school.member("Manager", name="Kim Cole"), thread, lee).status_code == 200
    assert lee.conversations()[0]["id"] == thread


# A number


def test_an_answer_to_the_old_holder_never_reaches_the_new_one(school, talk):
    """D6: the number was released and somebody else got it; what answers Dana's text is Dana's."""
    dana, maya, ours, thread = talk
    lee = school.member(name="Lee Morgan")
    school.admin().api.delete(f"/numbers/{school.number(ours)['id']}/assignment")
    school.texts(maya.numbers[0], ours, "While nobody holds it")  # D7
    ana = school.person("mobile")
    assert lee.send(ana)["from"] == ours
    school.texts(maya.numbers[0], ours, "While Lee holds it")
    assert bodies(dana, thread)[2:] == ["While nobody holds it", "While Lee holds it"]
    theirs = lee.send(maya, "Lee here")["conversation_id"]
    school.texts(maya.numbers[0], ours, "Hello Lee")
    assert bodies(lee, theirs) == ["Lee here", "Hello Lee"]
    assert "Hello Lee" not in bodies(dana, thread)


def test_a_number_handed_on_with_its_conversations(school, talk):
    """D25 move: the new holder sees the history and a marker, and gets the answers (S3-76)."""
    dana, maya, ours, thread = talk
    lee = school.member(name="Lee Morgan")
    moved = assign(school, ours, lee, "move")
    assert (moved.status_code, moved.json()["staff_id"]) == (201, lee.id)
    assert dana.conversations() == []
    (theirs,) = lee.conversations()
    assert (theirs["id"], theirs["unread"]) == (thread, 1)
    assert [m["name"] for m in theirs["markers"]] == ["number_handed_over"]
    school.texts(maya.numbers[0], ours, "Still there?")
    assert bodies(lee, thread) == ["How is the term?", "Fine", "Still there?"]
    assert lee.reply(thread)["from"] == ours
    assert school.usage()["numbers"]["assigned"] == 1
    assert dana.send(school.person("mobile"))["reason"] == "pool_empty"


@pytest.mark.parametrize("moved_by", ["number", "conversation"])
def test_what_waits_in_a_conversation_never_leaves_under_another_name(school, talk, moved_by):
    """D25, D28: canceled at once, its writer sees why, and whoever moves it is told before."""
    dana, maya, ours, thread = talk
    lee, later = school.member(name="Lee Morgan"), datetime.now(UTC) + timedelta(hours=1)
    waiting = dana.send(maya, "See you Tuesday", send_at=later.isoformat())
    with school.browser(school.admin()) as browser:
        number_id = school.number(ours)["id"]
        for path in (f"/settings/numbers/{number_id}/reassign", f"/inbox/{thread}/hand-over"):
            assert "1 text for later is canceled" in browser.get(path).text
    if moved_by == "number":
        assign(school, ours, lee, "move")
    else:
        hand_over(dana, thread, lee)
    (shown,) = [m for m in lee.thread(thread) if m["id"] == waiting["id"]]
    assert (shown["status"], shown["error"]["code"]) == ("canceled", "handed_over")


def test_a_moved_conversation_joins_the_one_that_the_new_holder_has(school, talk):
    """D25 move: an email-only exchange is a conversation too (D5)."""
    _, maya, ours, _ = talk
    lee = school.member(name="Lee Morgan")
    own = lee.send(maya, "By email: no number is free")
    assert own["channel"] == "email"
    assign(school, ours, lee, "move")
    (only,) = lee.conversations()
    assert only["id"] == own["conversation_id"]
    assert bodies(lee, only["id"]) == ["How is the term?", "Fine", "By email: no number is free"]


def test_whoever_gets_a_conversation_sees_it_at_once(school, talk):
    """D25: also where it was snoozed or put away, by the old holder or by the new one."""
    dana, maya, _, thread = talk
    lee = school.member(name="Lee Morgan")
    own = lee.send(maya, "By email: no number is free")["conversation_id"]
    for member, id_ in ((dana, thread), (lee, own)):
        with school.browser(member) as browser:
            later = {"until": (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")}
            assert browser.post(f"/inbox/{id_}/snooze", data=later).status_code == 303
    kim = school.member(name="Kim Alvarez")
    hand_over(dana, thread, kim)
    with school.browser(kim) as browser:
        assert "Fine" in browser.get("/inbox/list").text
    hand_over(kim, thread, lee)
    with school.browser(lee) as browser:
        assert "Maya Torres" in browser.get("/inbox/list").text


def test_a_conversation_with_nothing_said_yet_changes_no_summary(school, talk):
    """What waits for its time is not the last word."""
    dana, maya, _ours, thread = talk
    lee, later = school.member(name="Lee Morgan"), datetime.now(UTC) + timedelta(hours=1)
    fresh = lee.send(maya, "For next week", send_at=later.isoformat())["conversation_id"]
    with school.browser(lee) as browser:
        assert "Text for later" in browser.get("/inbox/list").text
    hand_over(lee, fresh, dana)
    (shown,) = dana.conversations()
    assert (shown["id"], shown["snippet"]) == (thread, "Fine")


def test_a_number_handed_on_without_its_conversations(school, talk):
    """D25 keep, D6: the old holder keeps them, gets the answers, and answers from the next number
    they get."""
    dana, maya, ours, thread = talk
    lee = school.member(name="Lee Morgan")
    assert assign(school, ours, lee, "keep").status_code == 201
    assert lee.conversations() == []
    assert [m["name"] for m in dana.conversations()[0]["markers"]] == ["number_handed_over"]
    school.texts(maya.numbers[0], ours, "Still there?")
    assert bodies(dana, thread) == ["How is the term?", "Fine", "Still there?"]
    assert dana.reply(thread)["reason"] == "pool_empty"
    (another,) = school.pool(1)
    answer = dana.reply(thread)
    assert (answer["from"], answer["to"]) == (another, maya.numbers[0])
    assert lee.send(school.person("mobile"))["from"] == ours


def test_a_free_number_may_be_given_by_hand(school):
    """S3-74, D25: before the first text, to a permitted holder, within the limit."""
    first, second = school.pool(2)
    school.settings(number_limit=1)
    dana, lee = school.member(), school.member(name="Lee Morgan")
    assert assign(school, second, dana).status_code == 201
    assert dana.send(school.person("mobile"))["from"] == second
    full = assign(school, first, lee)
    assert full.status_code == 409
    assert "All 1 allowed numbers are in use" in full.json()["error"]["message"]
    assert assign(school, second, lee).status_code == 201  # handing on takes no other seat
    assert school.usage()["numbers"] == {"assigned": 1, "limit": 1, "available": 1}


def test_to_whom_a_number_cannot_be_given(school, talk):
    """D23, D25, S3-42: refused with the reason, and nothing has changed."""
    dana, _, ours, _ = talk
    (second,) = school.pool(1)
    lee, rosa = school.member(name="Lee Morgan"), school.member("Responder", name=ROSA)
    pupil = school.member("Student", name="Max Student")
    gone = school.member(name="Sam Reed")
    school.admin().api.patch(f"/staff/{gone.id}", json={"active": False})
    lee.send(school.person("mobile"))
    with school.another() as other:
        table = [
            (lee, 409, "conflict"),  # has one
            (dana, 409, "already_assigned"),
            (rosa, 403, "role_not_permitted"),
            (pupil, 403, "role_not_permitted"),
            (gone, 404, "not_found"),
            (other.member(), 404, "not_found"),
        ]
    for member, status, code in table:
        answer = assign(school, ours, member, "move")
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert school.number(ours)["staff_id"] == dana.id
    assert school.number(second)["staff_id"] == lee.id
    assert school.usage()["numbers"]["assigned"] == 2
    assert [m["name"] for m in dana.conversations()[0]["markers"]] == []

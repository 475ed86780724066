"""The list of conversations: what is found in it, what is in which view, and page after page of it.

Search means the same on both databases, so every story runs on both.
"""

import pytest

from app.models import Conversation
from app.rules.access import Can
from app.services import inbox
from app.services.inbox import Box, Place

EVERYBODYS = [Can.TEXT_REPLY, Can.INBOX_ALL]


@pytest.fixture
def listed(school):
    """Titles of a view of somebody's inbox."""

    def listed(member, box=Box.MINE, typed="", *, rights=(Can.TEXT_REPLY,), **page):
        with school.app.app_context():
            rows = inbox.page(school.viewer(member, rights), box, typed, **page)
            return [row.title("US") for row in rows]

    return listed


def test_names_numbers_and_words_are_found(school, listed):
    """C-37: word beginnings without case and accents, numbers by their last digits; all of it."""
    dana, ours = school.holder()
    thuy = school.person("mobile", name="Thuy Nguyễn", source_id="N0041877")
    maya = school.person("mobile", name="Maya Torres")
    school.texts(thuy.numbers[0], ours, "Can I still drop Chemistry?")
    dana.send(maya, "The café opens at 8:30, don’t be late")
    number = thuy.numbers[0]
    written = (number, number[-4:], f"({number[2:5]}) {number[5:]}")
    for typed in ("nguyen", "NGUYỄN", "thu ngu", "chem", "n0041877", "drop still", *written):
        assert listed(dana, typed=typed) == ["Thuy Nguyễn"], typed
    for typed in ("torres", "cafe", "maya cafe", "30 late", "don't"):
        assert listed(dana, typed=typed) == ["Maya Torres"], typed
    for typed in ("guyen", "emistry", "thuy cafe", "torres chemistry", "99999999", "%", "zzz"):
        assert listed(dana, typed=typed) == [], typed
    assert listed(dana, typed="the can") == []  # the words of two threads
    assert set(listed(dana, typed="   ")) == {"Thuy Nguyễn", "Maya Torres", "Noor Haddad"}


def test_words_are_looked_for_where_somebody_may_read(school, listed):
    """C-19: one's own; with inbox.all everybody's, and never another school's."""
    dana, _ = school.holder()
    school.pool(1)
    kim = school.member(name="Kim Alvarez")
    dana.send(school.person("mobile", name="Aiyana Begay"), "The scholarship letter")
    kim.send(school.person("mobile", name="Liam O’Connell"), "Your scholarship ends")
    assert listed(dana, typed="scholar") == ["Aiyana Begay"]
    both = {"Aiyana Begay", "Liam O’Connell"}
    assert set(listed(dana, Box.ALL, "scholar", rights=EVERYBODYS)) == both
    assert set(listed(dana, Box.ALL, "scholar connell", rights=EVERYBODYS)) == {"Liam O’Connell"}
    assert listed(dana, Box.ALL, "scholar") == ["Aiyana Begay"]
    with school.another() as other, other.app.app_context():
        viewer = other.viewer(other.admin(), EVERYBODYS)
        assert inbox.page(viewer, Box.ALL, "scholarship") == []


def test_what_is_put_away_is_found_and_comes_back(school, listed):
    """An archived conversation is out of the list, not out of the search; a new text brings it
    back."""
    dana, ours = school.holder()
    maya = school.person("mobile", name="Maya Torres")
    sent = dana.send(maya, "About the museum")
    path = f"/conversations/{sent['conversation_id']}"
    dana.settled(sent["id"], "delivered")
    assert dana.api.patch(path, json={"archived": True}).status_code == 200
    assert listed(dana) == ["Noor Haddad"]
    assert listed(dana, Box.ARCHIVED) == listed(dana, typed="museum") == ["Maya Torres"]
    school.texts(maya.numbers[0], ours, "which museum?")
    assert listed(dana) == ["Maya Torres", "Noor Haddad"]
    assert listed(dana, Box.ARCHIVED) == []


def test_who_waits_for_an_answer(school, listed):
    """C-16: whoever wrote last, but not a bare STOP; answered is answered."""
    dana, ours = school.holder()
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    school.texts(maya.numbers[0], ours, "can i drop it?")
    school.texts(tomas.numbers[0], ours, "hi")
    school.texts(tomas.numbers[0], ours, "STOP")
    assert listed(dana, Box.ANSWER) == ["Maya Torres"]
    assert listed(dana, Box.UNREAD) == ["Tomás Herrera", "Maya Torres"]
    dana.send(maya, "Until December 4")
    assert listed(dana, Box.ANSWER) == []


def test_page_after_page_each_conversation_comes_once(school):
    """The unread ones first, then the latest; also where several are of the same moment."""
    dana, ours = school.holder()
    people = [school.person("mobile", name=f"P{n} Reed") for n in range(5)]
    for person in people[1:4]:
        school.texts(person.numbers[0], ours, "hello")
    dana.send(people[0])
    dana.send(people[4])
    with school.app.app_context():
        viewer = school.viewer(dana, [Can.TEXT_REPLY])
        whole = [row.thread.id for row in inbox.page(viewer, Box.MINE)]
        unread = [row.thread.unread > 0 for row in inbox.page(viewer, Box.MINE)]
        for typed in ("", "reed"):
            found, after = [], None
            while rows := inbox.page(viewer, Box.MINE, typed, limit=2, after=after):
                last: Conversation = rows[-1].thread
                after = Place(last.unread > 0, last.last_message_at, last.id)
                found += [row.thread.id for row in rows]
            everybody = whole if not typed else [i for i in found if i in whole]
            assert found == everybody
            assert len(found) == (6 if not typed else 5)
    assert unread == [True] * 3 + [False] * 3

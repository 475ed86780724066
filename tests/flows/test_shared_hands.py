"""Shared numbers and what is said on them, when one of them changes hands: the number, the
conversation, the person, or who decides (issue 5)."""

from tests.browser.pages import ON_SQLITE
from tests.flows.test_handover import assign, bodies, hand_over
from tests.flows.test_leaving import leave
from tests.flows.test_merging_people import merged, undone
from tests.flows.test_shared_numbers import by_number, claim, office_of, unclaimed
from tests.stack import DELIVERY
from tests.units import put, share, supervisor, unit


def waiting(member):
    """By person: what was said in each of nobody's conversations that they see."""
    return {c["person_id"]: bodies(member, c["id"]) for c in unclaimed(member)}


def test_who_waits_for_the_office_does_not_get_to_the_numbers_next_holder(school):
    """D6: neither who was claimed but not answered, nor who waits in the queue; until the next
    holder writes to them."""
    _, lee, ours = office_of(school)
    kim = school.member(name="Kim Alvarez")
    maya, tomas = school.person("mobile"), school.person("mobile", name="Tomás Herrera")
    for person in (maya, tomas):
        school.texts(person.numbers[0], ours, "One")
    thread = claim(school, lee, maya)

    def both_say(body):
        for person in (maya, tomas):
            school.texts(person.numbers[0], ours, body)

    assert share(school, ours, None).status_code == 200
    both_say("Two")
    assert assign(school, ours, kim).status_code == 201
    both_say("Three")
    assert (bodies(lee, thread), waiting(lee)) == (
        ["One", "Two", "Three"],
        {tomas.id: ["One", "Two", "Three"]},
    )
    assert kim.conversations() == []
    noor = school.person("mobile", name="Noor Haddad")
    school.texts(noor.numbers[0], ours, "Hello Kim")
    kim.settled(kim.send(tomas, "I have this number now")["id"], "delivered")
    assert school.admin().api.delete(f"/numbers/{school.number(ours)['id']}").status_code == 204
    both_say("Four")
    assert bodies(lee, thread)[-1] == "Four"
    assert {c["person_id"]: c["snippet"] for c in kim.conversations()} == {
        noor.id: "Hello Kim",
        tomas.id: "Four",
    }


def test_what_becomes_nobodys_again_waits_where_its_number_is_shared(school):
    """D7: not in the unit of who has left, and as one with what waits there already."""
    office, lee, ours = office_of(school)
    aid = unit(school, "Financial aid")
    ann, kim = supervisor(school, aid, name="Ann Ray"), school.member(name="Kim Alvarez")
    put(school, kim, aid)
    (also,) = school.pool(1)
    assert share(school, also, office).status_code == 200
    (own,) = school.pool(1)
    maya, tomas, noor = (
        school.person("mobile", name=f"{n} Torres") for n in ("Maya", "Tom", "Noor")
    )
    for person in (maya, tomas):
        school.texts(person.numbers[0], ours, "One")
        assert hand_over(lee, claim(school, lee, person), kim).status_code == 200
    school.texts(maya.numbers[0], also, "Two")
    assert by_number(kim.send(noor, "Hello Noor")) == (own, "sms")
    with school.browser(school.admin()) as browser:
        assert leave(browser, kim).status_code == 303
    found = waiting(lee)
    assert (found[tomas.id], sorted(found.pop(maya.id))) == (["One"], ["One", "Two"])
    assert waiting(ann) == {noor.id: ["Hello Noor"]}
    school.texts(tomas.numbers[0], ours, "Still there?")
    assert waiting(lee)[tomas.id] == ["One", "Still there?"]


def test_two_records_that_wait_in_two_units_become_one_in_each_and_two_again(school):
    """D5, D25: as the comparison of the two says before."""
    _, lee, ours = office_of(school)
    _, ann, theirs = office_of(school, unit(school, "Financial aid"), "Ann Ray")
    maya, again = school.person("mobile"), school.person("mobile", name="May Torres")
    school.texts(maya.numbers[0], ours, "One")
    for number, body in ((ours, "Two"), (theirs, "Three")):
        school.texts(again.numbers[0], number, body)
    apart = (
        {maya.id: ["One"], again.id: ["Two"]},
        {again.id: ["Three"]},
    )
    assert (waiting(lee), waiting(ann)) == apart
    with school.browser(school.admin()) as browser:
        page = browser.get(f"/people/{maya.id}/merge?other={again.id}").text
    assert page.count("that nobody holds changes over") == 1
    assert page.count("that nobody holds become one") == 1
    merge = merged(school, maya, again)
    assert (waiting(lee), waiting(ann)) == ({maya.id: ["One", "Two"]}, {maya.id: ["Three"]})
    undone(school, merge)
    assert (waiting(lee), waiting(ann)) == apart


@ON_SQLITE
def test_what_its_writer_got_the_number_for_meanwhile_leaves_from_it(school, stack):
    """D34: the number is theirs, so it is no other name."""
    _, lee, ours = office_of(school)
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "Hello?")
    thread = claim(school, lee, maya)
    with stack.asleep(stack.pid(*DELIVERY)):
        written = lee.reply(thread, "From the office")
        assert share(school, ours, None).status_code == 200
        assert assign(school, ours, lee).status_code == 201
    assert by_number(lee.settled(written["id"], "delivered", "sent")) == (ours, "sms")

"""Person phones: every number ever saved for people, ours with them, on a page, as a file and for
programs (S3-35..S3-39)."""

import html
import re

import pytest

from tests.configuring import role
from tests.reading import plain, pretty, table_of


def feed(member, **query):
    """All rows for a program, page by page."""
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = member.api.get("/person-phones", params={"limit": 2, **query, **more})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if not cursor:
            return found


def numbers(rows):
    return [row["number"] for row in rows]


def on_page(browser, **query):
    """The text of each row of the page."""
    answer = browser.get("/people/phones", params=query)
    assert answer.status_code == 200, answer.text
    rows = [row[0] for row in re.finditer(r"<tr>\s*<td>.*?</tr>", answer.text, re.DOTALL)]
    return [plain(row) for row in rows]


def exported(browser, **query):
    return table_of(browser.get("/people/phones/export", params=query))


@pytest.fixture
def saved(school):
    """Dana holds a number of ours, Kim held one; Maya has a mobile, and had another phone."""
    kim, was = school.holder("Kim Alvarez")
    dana, ours = school.holder()
    number = school.number(was)
    assert school.admin().api.delete(f"/numbers/{number['id']}/assignment").status_code == 204
    maya = school.person("mobile", "home", name="Maya Torres", source_id="N0041877")
    school.verify(maya, 0)
    assert school.admin().api.delete(f"/phones/{maya.phone_ids[1]}").status_code == 204
    return dana, kim, maya, ours, was


def test_a_number_of_ours_is_told_from_those_of_people_by_its_source(school, saved):
    """S3-35, S3-36"""
    dana, kim, maya, ours, was = saved
    system = feed(dana, type="system")
    assert numbers(system) == [ours, was]
    for row in system:
        assert row["src_system_id"].endswith(".REPLYLINE.SMS")
        assert row["phone_type_src_system_id"] == "REPLYLINE.SYSTEM"
        assert (row["type"], row["text_msg_only"]) == ("system", True)
    everybody = feed(dana)
    people = [row for row in everybody if row not in system]
    assert everybody[: len(system)] == system
    assert not any(row["src_system_id"].endswith("REPLYLINE.SMS") for row in people)
    assert {row["phone_type_src_system_id"] for row in people} == {
        "REPLYLINE.MOBILE",
        "REPLYLINE.HOME",
    }
    assert len({row["src_system_id"] for row in everybody}) == len(everybody)
    record = dana.api.get(f"/people/{system[0]['person_id']}").json()
    assert record["phones"][-1]["number"] == ours
    assert kim.name != dana.name
    assert maya.id in {row["person_id"] for row in people}


def test_what_was_deleted_is_kept_and_filtered_out_with_deleted_false(school, saved):
    """S3-37, S3-38"""
    dana, _, maya, ours, was = saved
    active, deleted = feed(dana, deleted="false"), feed(dana, deleted="true")
    assert sorted(numbers(deleted)) == sorted([was, maya.numbers[1]])
    assert {ours, maya.numbers[0]} <= set(numbers(active))
    assert not any(row["deleted"] or row["deleted_at"] for row in active)
    assert all(row["deleted"] and row["deleted_at"] for row in deleted)
    everything = feed(dana)
    assert len(everything) == len(active) + len(deleted)
    theirs = feed(dana, person_id=maya.id)
    assert numbers(theirs) == [maya.numbers[1], maya.numbers[0]]
    assert (theirs[1]["person_source_id"], theirs[1]["sms_status"]) == ("N0041877", "default")
    assert theirs[1]["verified_by"] == school.admin().id


def test_all_numbers_ever_saved_are_seen_on_the_page(school, saved):
    """S3-37, S3-39, S3-57"""
    dana, _, maya, ours, was = saved
    with school.browser(dana) as browser:
        active = on_page(browser)
        assert active[0].startswith(f"Dana Whitfield {pretty(ours)} System Text Msg Only No ")
        assert any(f"{pretty(maya.numbers[0])} Mobile SMS Default" in row for row in active)
        assert not any(pretty(was) in row or pretty(maya.numbers[1]) in row for row in active)
        gone = on_page(browser, show="deleted")
        assert [row.partition(" (")[0] for row in gone] == ["Kim Alvarez", "Maya Torres N0041877"]
        assert all(" Deleted " in row for row in gone)
        everything = on_page(browser, show="all")
        assert sorted(everything) == sorted(active + gone)
        assert on_page(browser, type="home", show="all") == gone[1:]


@pytest.mark.parametrize("typed", ["maya", "torr", "n00418", "TAIL", "PRETTY"])
def test_they_are_found_by_person_and_by_number(school, saved, typed):
    dana, _, maya, ours, _ = saved
    gone = maya.numbers[1]
    q = {"TAIL": gone[-6:], "PRETTY": pretty(gone)}.get(typed, typed)
    with school.browser(dana) as browser:
        assert pretty(gone) in " ".join(on_page(browser, q=q, show="all"))
        assert pretty(ours) in " ".join(on_page(browser, q=ours[-6:]))
        assert on_page(browser, q="…") == on_page(browser, q="zzz") == []
    assert gone in numbers(feed(dana, q=q))


def test_the_file_holds_what_is_filtered_and_is_written_down(school, saved):
    dana, _, maya, ours, was = saved
    with school.browser(school.admin()) as browser:
        rows = exported(browser, show="all")
        assert [row["number"] for row in rows] == [f"'{n}" for n in numbers(feed(dana))]
        first = rows[0]
        assert first["number"] == f"'{ours}"
        assert first["src_system_id"].endswith("REPLYLINE.SMS")
        assert (first["deleted"], first["deleted_at"]) == ("False", "")
        gone = exported(browser, show="deleted", q="maya")
        assert [(row["person_source_id"], row["deleted"]) for row in gone] == [("N0041877", "True")]
        log = browser.get("/audit", params={"kind": "exports"}).text
        assert "exported the phones of people" in log
        assert "q: maya, deleted: True" in html.unescape(log)
        assert was != maya.numbers[1]


def test_only_who_may_export_reports_takes_the_file(school, saved):
    dana, *_ = saved
    with school.browser(dana) as browser:
        assert "/people/phones/export" not in browser.get("/people/phones").text
        assert browser.get("/people/phones/export").status_code == 403
    with school.browser(school.member("Auditor", name="Ari Gold")) as browser:
        assert "/people/phones/export" in browser.get("/people/phones").text
        assert exported(browser)
    clerk = role(school, "Clerk", "text.reply")
    with school.browser(school.member(clerk, name="Cy Park")) as browser:
        assert browser.get("/people/phones").status_code == 403


def test_pages_follow_each_other_without_a_gap(school, saved):
    dana, _, _, ours, was = saved
    for n in range(60):
        school.person("mobile", name=f"Crowd {n:02d}")
    with school.browser(dana) as browser:
        first = browser.get("/people/phones?show=all").text
        following = re.search(r'href="(/people/phones\?after=[^"]+)">Next page', first)
        assert following
        second = browser.get(html.unescape(following[1])).text
    seen = [re.findall(r'class="phone">(.*?)</td>', page) for page in (first, second)]
    assert [len(seen[0]), seen[0][:2]] == [50, [pretty(ours), pretty(was)]]
    assert seen[0] + seen[1] == [pretty(n) for n in numbers(feed(dana, limit=200))]


def test_nothing_of_another_institution_is_in_it(school, saved):
    dana, _, maya, *_ = saved
    with school.another() as other:
        theirs = other.person("mobile")
        assert numbers(feed(other.admin())) == theirs.numbers
        assert feed(other.admin(), person_id=maya.id) == []
        assert theirs.numbers[0] not in numbers(feed(dana))

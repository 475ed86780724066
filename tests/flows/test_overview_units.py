"""The overview and Analytics by org unit: the viewer's own first, with what is below it; the
address holds it (S4-7, S4-23)."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.database import db, transaction
from app.models import AuditEntry, Institution
from app.rules.access import Can
from app.rules.days import day_in
from app.rules.listing import Listed
from app.rules.periods import Days
from app.services import facts, org_units, overview, summary
from app.services.overview import FEW_UNITS, Sort, Wanted
from tests.helpers import until
from tests.reading import table_of
from tests.units import put, supervisor, unit

CHIP = re.compile(r'<li class="chip"><span>Org\. unit: ([^<]+)</span><a href="([^"]+)"')


@pytest.fixture
def term(school):
    """Health with Nursing below it, and Law; Dana wrote in Nursing, Kim in Law, Ana in none."""
    health, law = unit(school, "Health"), unit(school, "Law")
    nursing = unit(school, "Nursing", health)
    school.pool(3)
    maya, found = school.person("mobile"), {"health": health, "nursing": nursing, "law": law}
    for name, into in (("Dana", nursing), ("Kim", law), ("Ana", None)):
        member = found[name] = school.member(name=f"{name} Whitfield")
        put(school, member, into)
        for n in (1, 2):
            said = member.send(maya, f"{name} {n}")
            member.settled(said["id"], "delivered")
    return found


BODIES = {"Ana 1", "Ana 2", "Dana 1", "Dana 2", "Kim 1", "Kim 2"}
HEALTH, LAW = {"Dana 1", "Dana 2"}, {"Kim 1", "Kim 2"}


def shown(page):
    return {body for body in BODIES if f">{body}</a>" in page.text}


def test_s4_7_s4_23_the_viewers_own_unit_is_shown_first_and_others_when_asked_for(school, term):
    admin = school.admin()
    with school.browser(admin) as browser:
        assert shown(browser.get("/messages")) == BODIES  # who is in no unit has no own
        put(school, admin, term["health"])
        first = browser.get("/messages")
        assert shown(first) == HEALTH  # made below it
        (name, everywhere) = CHIP.findall(first.text)[0]
        assert name == "Health"
        assert shown(browser.get(everywhere.replace("&amp;", "&"))) == BODIES
        assert CHIP.findall(browser.get(everywhere).text) == []
        for asked, found in (
            ("health", HEALTH),
            ("nursing", HEALTH),
            ("law", LAW),
        ):
            page = browser.get(f"/messages?unit={term[asked]}")
            assert shown(page) == found
            assert f'<option value="{term[asked]}" selected>' in page.text
        assert shown(browser.get(f"/messages?unit={term['law']}&text=kim+1")) == {"Kim 1"}
        assert shown(browser.get("/messages?unit=junk")) == HEALTH
        assert browser.get("/messages?unit=999999999").status_code == 404


def test_s4_23_the_column_says_where_each_was_sent_from_and_keeps_saying_it(school, term):
    """Also after they moved, after the unit has another name, and after it was removed."""
    put(school, term["Dana"], term["law"])
    with school.browser(school.admin()) as browser:
        assert '<td data-label="Org. unit">' not in browser.get("/messages?text=ana").text
        form = {"name": "Nursing School", "parent": term["health"], "version": 1}
        assert browser.post(f"/staff/units/{term['nursing']}", data=form).status_code == 303
        assert browser.post(f"/staff/units/{term['nursing']}/remove").status_code == 303
        page = browser.get(f"/messages?unit={term['health']}")
        assert shown(page) == HEALTH  # what was removed stays below
        assert page.text.count('<td class="" data-label="Org. unit">Nursing School</td>') == 2
        assert re.findall(r"<option[^>]*>\s*(Nursing[^<]*)", page.text) == []  # not offered
        (message,) = term["Dana"].api.get("/messages?text=Dana+1").json()["items"]
        detail = browser.get(f"/messages/{message['id']}").text
        assert "<dt>Org. unit</dt><dd>Nursing School</dd>" in detail


def test_what_is_exported_is_what_is_shown(school, term):
    admin = school.admin()
    put(school, admin, term["law"])
    with school.browser(admin) as browser:
        page = browser.get("/messages?status=delivered")
        link, excel = re.findall(r'href="(/messages/export[^"]*)"', page.text)
        assert "format=xlsx" in excel
        rows = table_of(browser.get(link.replace("&amp;", "&")))
        assert {row["Text"] for row in rows} == shown(page) == LAW
        assert {row["Org. unit"] for row in rows} == {"Law"}
        everything = table_of(browser.get("/messages/export?unit=all"))
        assert {row["Text"]: row["Org. unit"] for row in everything} == {
            **dict.fromkeys(("Ana 1", "Ana 2"), ""),
            **dict.fromkeys(HEALTH, "Nursing"),
            **dict.fromkeys(LAW, "Law"),
        }
    with school.app.app_context():
        kept = select(AuditEntry.detail).where(
            AuditEntry.institution_id == school.id, AuditEntry.action == "messages.exported"
        )
        filters = [d["filter"] for d in db.session.execute(kept).scalars()]
        db.session.remove()
    assert {"status": ["delivered"], "org unit": "Law"} in filters
    assert {} in filters


def test_the_unit_stays_in_every_link_of_the_page(school, term):
    """S4-25, S4-26: sorting, refreshing, and the rows as they change."""
    with school.browser(school.admin()) as browser:
        page = browser.get(f"/messages?unit={term['law']}&text=kim").text
        links = re.findall(r'href="(/messages\?[^"]+)"', page)
        kept = [link for link in links if f"unit={term['law']}" in link]
        assert any("sort=status" in link for link in kept)
        assert f'<input class="state" type="hidden" name="unit" value="{term["law"]}">' in page
        cleared = re.search(r'<a class="clear" href="([^"]+)"', page)
        assert cleared
        assert shown(browser.get(cleared[1])) == BODIES


@pytest.mark.parametrize("rights", [[Can.INBOX_ALL], [Can.INBOX_UNIT]])
@pytest.mark.parametrize("many", [False, True])
def test_pages_of_few_and_of_many_units_are_the_same_rows_in_order(school, term, rights, many):
    """Few units are each a range of an index, many are walked along: the answer is the same, by
    time and by status, whoever asks."""
    for n in range(FEW_UNITS if many else 0):
        unit(school, f"Office {n}", term["health"])
    with school.app.app_context():
        viewer = school.viewer(school.admin(), rights)
        if Can.INBOX_ALL not in rights:
            offer = org_units.offered(school.viewer(school.admin(), [Can.INBOX_ALL]))
            below = offer.within(term["health"]).units
            viewer = type(viewer)(
                *(viewer.staff_id, viewer.institution_id, viewer.name, viewer.email),
                *(viewer.timezone, viewer.region, viewer.capabilities),
                unit=term["health"],
                units=below,
            )
        within = org_units.offered(viewer).within(term["health"])
        assert (len(within.units) > FEW_UNITS) is many
        for more in (
            {},
            {"down": False},
            {"sort": Sort.STATUS},
            {"statuses": frozenset({Listed.DELIVERED})},
            {"text": "dana"},
        ):
            wanted, found, place = Wanted(within=within, **more), [], None
            while rows := overview.page(viewer, wanted, 1, place):
                found.append(rows[0].message.body)
                place = rows[0].place
            up = more.get("down") is False
            assert found == (["Dana 1", "Dana 2"] if up else ["Dana 2", "Dana 1"]), more
        db.session.remove()


def test_the_email_queue_begins_with_the_viewers_own_unit_too(school, term):
    """S4-51, S4-7, S4-23; C-19: nobody asks for a unit that they do not look after."""
    pat = school.person(name="Pat Reed")  # without a phone
    for name in ("Ana", "Dana", "Kim"):
        member = term[name]
        member.settled(member.send(pat, f"{name} 1")["id"], "sent")
    emails, admin = {"Ana 1", "Dana 1", "Kim 1"}, school.admin()
    put(school, admin, term["health"])
    lee = supervisor(school, term["law"])
    with school.browser(admin) as browser, school.browser(lee) as hers:
        first = browser.get("/messages/emails")
        assert shown(first) == {"Dana 1"}  # made below it
        assert f'<option value="{term["health"]}" selected>Health' in first.text
        assert '<td class="" data-label="Org. unit">Nursing</td>' in first.text
        every = browser.get("/messages/emails?unit=all")
        assert shown(every) == emails
        assert shown(browser.get(f"/messages/emails?unit={term['law']}&state=sent")) == {"Kim 1"}
        links = re.findall(r'href="(/messages/emails\?[^"]+)"', every.text)
        assert len(links) > 1  # refreshed, and the other way round
        assert all("unit=all" in link for link in links)
        nothing = browser.get("/messages/emails?state=failed").text
        assert "Nothing matches" in nothing
        assert '<a class="button" href="/messages/emails?unit=all">Clear all</a>' in nothing
        assert shown(hers.get("/messages/emails")) == {"Kim 1"}
        assert shown(hers.get("/messages/emails?unit=all")) == {"Kim 1"}
        assert hers.get(f"/messages/emails?unit={term['health']}").status_code == 404


def test_a_program_filters_by_unit_too(school, term):
    api = school.admin().api

    def bodies(unit_id):
        answer = api.get("/messages", params={"org_unit_id": unit_id})
        return {m["body"] for m in answer.json()["items"]} if answer.is_success else answer

    assert bodies(term["health"]) == HEALTH
    assert bodies(term["law"]) == LAW
    assert bodies(999_999_999).status_code == 422


# Analytics


def out(browser, who):
    """Texts out, by the first tile of the page."""
    answer = browser.get("/analytics", params={"who": who} if who else {})
    assert answer.status_code == 200
    return re.findall(r"<dt>Texts out</dt><dd><b>([^<]+)</b>", answer.text)


def test_figures_of_a_unit_hold_what_is_below_it(school, term):
    """Counted when asked, and kept: the same (C-19: whoever looks after a unit sees no other)."""
    lee, today = supervisor(school, term["health"]), day_in(clock.now(), "America/Chicago")
    units = [f"unit-{term[name]}" for name in ("health", "nursing", "law")]
    beside = (f"unit-{term['law']}", f"staff-{term['Kim'].id}", "number-1", "unit-999999999")
    with school.browser(school.admin()) as admin, school.browser(lee) as hers:
        for _ in ("counted", "kept"):
            assert [out(admin, who) for who in ("", *units)] == [["6"], ["2"], ["2"], ["2"]]
            # Lee: Health first, then what is below it and who works there.
            theirs = ("", *units[:2], f"staff-{term['Dana'].id}")
            assert [out(hers, who) for who in theirs] == [["2"]] * 4
            for who in beside:
                for path in ("/analytics", "/analytics/export"):
                    assert hers.get(path, params={"who": who}).status_code == 404
            with school.app.app_context():
                facts.close(school.id, today - timedelta(days=1))
                facts.close(school.id, today)
                db.session.remove()
        page = hers.get("/analytics").text
        for absent in ("Northfield College</option>", "Kim Whitfield", ">Law<", "One number"):
            assert absent not in page
        assert hers.get("/analytics/numbers").status_code == 404
        assert "/analytics/numbers" not in page


def test_the_weekly_summary_of_who_looks_after_a_unit_is_of_the_unit(school, term):
    """C-19: a mail is a surface, too."""
    lee, now = supervisor(school, term["law"]), clock.now()
    week = Days(day_in(now, "America/Chicago") - timedelta(days=7), day_in(now, "America/Chicago"))
    with school.app.app_context():
        with transaction():
            summary._tell(db.session.get_one(Institution, school.id), week, now)
        db.session.remove()
    (mine,) = until(lambda: school.mails(lee.email))
    (all_,) = until(lambda: school.mails(school.admin().email))
    assert mine["subject"].startswith("Law, Northfield College: 2 texts out")
    assert all_["subject"].startswith("Northfield College: 6 texts out")

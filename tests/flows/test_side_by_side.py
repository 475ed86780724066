"""Staff side by side: each with the figures that Analytics has of them, sorted, as a file, and of
of nobody whose figures are not the viewer's to see (S0-42..S0-45, C-19)."""

import html
import re
from datetime import timedelta

import pytest

from app import clock
from app.database import db
from app.routes.analytics.staff import SORTS, ordered
from app.rules.days import day_in
from app.services import facts
from app.services.side_by_side import Colleague
from tests.browser.pages import ON_SQLITE
from tests.flows.test_analytics import tiles
from tests.helpers import until
from tests.reading import table_of
from tests.units import put, supervisor, unit

LABELS = ("Texts out", "Texts in", "By email instead", "Delivered", "First answer", "Opt-outs")


@pytest.fixture
def term(school):
    """Dana in Nursing, below Health: two texts, one of them undelivered with an email after it, an
    answer and a STOP. Kim in Law: one text. Ana, in none, wrote nothing."""
    health, law = unit(school, "Health"), unit(school, "Law")
    nursing = unit(school, "Nursing", health)
    dana, ours = school.holder()
    school.pool(1)
    kim, ana = school.member(name="Kim Alvarez"), school.member(name="Ana Ruiz")
    put(school, dana, nursing)
    put(school, kim, law)
    maya, lost = school.person("mobile"), school.person("mobile")
    school.carrier.handset(lost.numbers[0], behaviour="undelivered", code=30005)
    first = dana.send(maya)
    dana.settled(first["id"], "delivered")
    dana.settled(dana.send(lost)["id"], "undelivered")
    kim.settled(kim.send(maya)["id"], "delivered")
    school.texts(maya.numbers[0], ours, "May I come on Tuesday?")
    until(lambda: any(talk["unread"] for talk in dana.conversations()))
    dana.settled(dana.reply(first["conversation_id"], "Tuesday is fine")["id"], "delivered")
    school.texts(maya.numbers[0], ours, "STOP")
    until(lambda: school.phone_status(maya) == ["disabled"])
    return {"dana": dana, "kim": kim, "ana": ana, "health": health, "law": law}


def compared(browser, **query):
    """{"Dana Whitfield": {"Texts out": "4", ...}}, in the order of the page."""
    answer = browser.get("/analytics/staff", params=query)
    assert answer.status_code == 200, answer.text
    found = {}
    for row in re.findall(r"<tr data-short.*?</tr>", answer.text, re.S):
        name = re.search(r'class="who"><a href="[^"]+">([^<]+)</a>', row)
        assert name
        cells = re.findall(r'data-label="([^"]+)"[^>]*>([^<]+)<', row)
        found[html.unescape(name[1])] = dict(cells)
    return found


def alone(browser, member):
    """The same of one, as Analytics tells it."""
    found = tiles(browser.get("/analytics", params={"who": f"staff-{member.id}"}).text)
    return {label: found[label][0] for label in LABELS}


def test_each_has_the_figures_that_analytics_has_of_them(school, term):
    """S0-42: counted when asked, and kept, the same."""
    dana, kim = term["dana"], term["kim"]
    today = day_in(clock.now(), "America/Chicago")
    with school.browser(school.admin()) as browser:
        for _ in ("counted", "kept"):
            found = compared(browser)
            assert list(found) == [dana.name, kim.name]  # who sent the most comes first
            assert found == {each.name: alone(browser, each) for each in (dana, kim)}
            assert found[dana.name]["Texts out"] == "4"
            assert found[dana.name]["Opt-outs"] == "1"
            assert found[kim.name]["Delivered"] == "100%"
            with school.app.app_context():
                facts.close(school.id, today - timedelta(days=1))
                facts.close(school.id, today)
                db.session.remove()
        page = browser.get("/analytics/staff").text
        assert "2 more have no messages in these days." in page  # Ana, and who looks
        assert f'href="/analytics?who=staff-{dana.id}"' in page
        assert list(compared(browser, sort="name")) == [dana.name, kim.name]
        assert list(compared(browser, sort="out")) == [kim.name, dana.name]
        assert list(compared(browser, sort="junk")) == [dana.name, kim.name]
        nothing = {"period": "days", "from": "2024-01-01", "to": "2024-01-31"}
        assert compared(browser, **nothing) == {}
        wrong = browser.get("/analytics/staff", params={**nothing, "from": "yesterday"})
        assert wrong.status_code == 422
        assert "Write a day such as" in wrong.text
    with school.browser(dana) as browser:
        assert browser.get("/analytics/staff").status_code == 403


def test_c_19_of_a_unit_are_those_who_work_there_or_below(school, term):
    dana, kim = term["dana"].name, term["kim"].name
    lee = supervisor(school, term["health"])
    with school.browser(school.admin()) as admin, school.browser(lee) as hers:
        assert list(compared(admin, who=f"unit-{term['health']}")) == [dana]
        assert list(compared(admin, who=f"unit-{term['law']}")) == [kim]
        assert list(compared(admin, who="staff-1")) == [dana, kim]  # nobody is compared alone
        assert list(compared(hers)) == [dana]  # first of her own unit
        assert 'href="/analytics/staff"' in hers.get("/analytics").text
        for path in ("/analytics/staff", "/analytics/staff/export"):
            for beside in (f"unit-{term['law']}", "unit-999999999"):
                assert hers.get(path, params={"who": beside}).status_code == 404
        assert [row["Name"] for row in table_of(hers.get("/analytics/staff/export"))] == [dana]
    with school.another() as other, other.browser(other.admin()) as browser:
        assert compared(browser) == {}


@ON_SQLITE
def test_the_file_has_the_numbers_of_the_page_and_is_written_down(school, term):
    with school.browser(school.admin()) as browser:
        rows = table_of(browser.get("/analytics/staff/export?sort=name"))
        assert [row["Name"] for row in rows] == [term["dana"].name, term["kim"].name]
        dana, kim = rows
        assert (dana["Texts out"], dana["Delivered"], dana["Delivered %"]) == ("4", "3", "75.0")
        assert (dana["Texts in"], dana["By email instead"], dana["Opt-outs"]) == ("2", "1", "1")
        assert dana["First answer: half within, in seconds"].isdigit()
        assert kim["First answer: half within, in seconds"] == ""
        assert (dana["Org. unit"], kim["Org. unit"]) == ("Nursing", "Law")
        log = browser.get("/audit").text
        assert "exported the figures of Analytics" in log
        assert "staff side by side" in log


def _colleague(name, out=0, arrived=0, answer=None):
    return Colleague(1, name, None, True, out, 0, arrived, answer, 0, 0, 0)


STAFF = [_colleague("Ana"), _colleague("Bo", 2, 1, 60), _colleague("Cy", 9, 9, 5)]
STAFF.append(_colleague("Di", 2, 0))


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", "Ana Bo Cy Di"),
        ("-name", "Di Cy Bo Ana"),
        ("-out", "Cy Bo Di Ana"),
        ("out", "Ana Bo Di Cy"),
        ("-delivered", "Cy Bo Di Ana"),
        ("delivered", "Di Bo Cy Ana"),  # who sent nothing is last either way
        ("answer", "Cy Bo Ana Di"),
        ("-answer", "Bo Cy Ana Di"),
    ],
)
def test_who_has_no_such_figure_comes_last(sort, names):
    assert [each.name for each in ordered(STAFF, sort)] == names.split()
    assert sort.removeprefix("-") in SORTS

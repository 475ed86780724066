"""Representatives: who stands for an org unit, chosen on its page, and when that is invalid."""

import pytest

from tests.browser.pages import ON_SQLITE
from tests.flows.test_org_units import deeds
from tests.flows.test_unclaimed import orphaned
from tests.units import put, supervisor, unit

pytestmark = ON_SQLITE
INVALID = "Invalid representative for unit"


@pytest.fixture
def browser(school):
    with school.browser(school.admin()) as browser:
        yield browser


def choose(browser, unit_id, staff_id=""):
    return browser.post(f"/staff/units/{unit_id}/representative", data={"staff": staff_id})


def told(browser, unit_id):
    """Whether the tree, and the page of the unit with what to do, say that it is invalid."""
    page = browser.get(f"/staff/units/{unit_id}").text
    return INVALID in browser.get("/staff/units").text, INVALID in page, page


def of_api(school, unit_id):
    items = school.admin().api.get("/org-units").json()["items"]
    found = next(item for item in items if item["id"] == unit_id)
    return found["representative_id"], found["invalid_representative"]


def test_somebody_is_chosen_to_stand_for_a_unit_and_it_is_written_down(school, browser):
    """S4-21: of those in it and above it who may answer and see what is said there."""
    college = unit(school, "College")
    health = unit(school, "Health", college)
    lee, ann = supervisor(school, health), supervisor(school, college, name="Ann Ray")
    law = supervisor(school, unit(school, "Law"), name="Lawrence Oak")
    dana = school.member()
    put(school, dana, health)
    page = browser.get(f"/staff/units/{health}").text
    assert [f'<option value="{m.id}" >' in page for m in (lee, ann, law, dana)] == [
        *(True, True, False, False)
    ]
    assert choose(browser, health, lee.id).status_code == 303
    assert f'<option value="{lee.id}" selected>' in browser.get(f"/staff/units/{health}").text
    assert of_api(school, health) == (lee.id, False)
    for other in (law.id, dana.id, 999_999_999, "junk"):
        refused = choose(browser, health, other)
        assert (refused.status_code, "Choose somebody of this list." in refused.text) == (422, True)
    assert of_api(school, health) == (lee.id, False)
    assert choose(browser, health).status_code == 303
    assert of_api(school, health) == (None, False)
    assert deeds(school, "org_unit.represented") == [
        {"representative": lee.id},
        {"representative": None},
    ]
    log = browser.get("/audit?kind=staff").text
    assert "chose Lee Park to stand for" in log
    assert "chose nobody to stand for" in log


def test_a_unit_to_which_texts_come_needs_somebody(school, browser):
    """S4-21: without texts nobody is needed."""
    health = unit(school, "Health")
    assert told(browser, health)[:2] == (False, False)
    orphaned(school, health)
    listed, said, page = told(browser, health)
    assert (listed, said) == (True, True)
    assert "Nobody stands for Health, and texts come to it." in page
    assert "Nobody can be chosen yet." in page
    assert "automatic answer here" not in page, "there is none"
    school.settings(unclaimed_answer="Somebody answers within a day.")
    assert (
        "Until then, texts that nobody holds get no automatic answer here."
        in told(browser, health)[2]
    )
    lee = supervisor(school, health)
    choose(browser, health, lee.id)
    assert told(browser, health)[:2] == (False, False)


LOST = [
    ({"active": False}, "Lee Park is deactivated."),
    ({"org_unit_id": None}, "Lee Park is no longer in Health"),
    ({"roles": ["Advisor"]}, "Lee Park has no role that reads the conversations"),
    ({"roles": ["Auditor"]}, "Lee Park has no role that answers texts."),
]


@pytest.mark.parametrize(("changes", "said"), LOST)
def test_who_can_no_longer_stand_for_it_is_said_with_what_to_do(school, browser, changes, said):
    """S4-21: deactivated, moved away, or without the right."""
    health = unit(school, "Health")
    lee = supervisor(school, health)
    choose(browser, health, lee.id)
    assert told(browser, health)[:2] == (False, False)
    assert school.admin().api.patch(f"/staff/{lee.id}", json=changes).status_code == 200
    listed, shown, page = told(browser, health)
    assert (listed, shown, said in page) == (True, True, True)
    assert of_api(school, health) == (lee.id, True)


def test_only_who_manages_staff_chooses_and_only_of_their_own_school(school, browser):
    """D1, D3"""
    health = unit(school, "Health")
    lee = supervisor(school, health)
    with school.browser(lee) as hers:
        assert choose(hers, health, lee.id).status_code == 403
    with school.another() as other:
        theirs = unit(other, "Law")
        stranger = supervisor(other, theirs, name="Stranger Day")
        assert choose(browser, theirs, stranger.id).status_code == 404
        assert choose(browser, health, stranger.id).status_code == 422
    assert of_api(school, health) == (None, False)

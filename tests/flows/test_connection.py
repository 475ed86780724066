"""The provider page: credentials that are written and never read, webhooks called from outside,
errors of late, and what carriers were told (C-31, issue 5)."""

import html
import re
import secrets

import pytest
from sqlalchemy import select

from app.database import db
from app.models import ProviderAccount
from app.rules.access import Can
from app.services import self_test
from tests.configuring import role
from tests.provider import Provider, row_counts
from tests.reading import section, text_of
from tests.school import new_number

PAGE = "/settings/twilio/connection"
HTMX = {"HX-Request": "true"}


def account(school):
    with school.app.app_context():
        found = db.session.execute(
            select(
                ProviderAccount.secret, ProviderAccount.saved_at, ProviderAccount.opt_out_replies
            ).where(ProviderAccount.id == school.account_id)
        ).one()
        db.session.remove()
    return found


def form(**fields):
    return {"act": "save", "auth_token": "", "answers": "provider", **fields}


# Credentials


def test_credentials_are_tried_out_and_never_shown(school):
    before = account(school)
    with school.browser(school.admin()) as browser:
        page = browser.get(PAGE)
        assert school.account_sid in page.text
        assert "Stored encrypted, never shown" in text_of(page)
        tested = browser.post(f"{PAGE}/account", data=form(act="test"))
        assert tested.status_code == 200
        told = "Twilio accepts them. It is called “Practice account”. Nothing was saved."
        assert told in text_of(tested)
        wrong = form(act="test", auth_token="f" * 32)
        refused = browser.post(f"{PAGE}/account", data=wrong)
        assert refused.status_code == 422
        assert "does not accept this account SID and token. Nothing was saved." in text_of(refused)
        assert "f" * 32 not in refused.text
        part = browser.post(f"{PAGE}/account", data=wrong, headers=HTMX)
        assert (part.status_code, "<html" in part.text) == (200, False)
        assert 'name="untested"' not in part.text  # a wrong token is saved in no case
        everything = "".join(answer.text for answer in (page, tested, refused, part))
        assert school.account_secret not in everything
    assert account(school) == before


def test_a_new_token_is_saved_once_the_provider_accepts_it(school):
    """And webhooks signed with it are let in, those with the old one are not."""
    (ours,) = school.pool(1)
    provider, token = Provider(school), secrets.token_hex(16)
    school.carrier.account(school.account_sid, token)
    with school.browser(school.admin()) as browser:
        early = browser.post(f"{PAGE}/account", data=form())  # the stored one is none any more
        assert early.status_code == 422
        saved = browser.post(f"{PAGE}/account", data=form(auth_token=f" {token} ", answers="ours"))
        assert saved.status_code == 303, text_of(saved)
        page = browser.get(PAGE)
    assert "Replyline answers." in text_of(page)
    text = provider.text(new_number(), ours, "Hello?")
    assert provider.post(text, secret=token).status_code == 200
    assert provider.post(text).status_code == 403
    entry = school.admin().api.get("/events", params={"after": 0}).json()["items"]
    assert "provider.changed" in [each["name"] for each in entry]


def test_a_page_that_is_open_is_loaded_anew_when_it_is_saved(school):
    with school.browser(school.admin()) as browser:
        saved = browser.post(f"{PAGE}/account", data=form(), headers=HTMX)
        assert (saved.status_code, saved.headers["HX-Redirect"]) == (200, PAGE)
        assert "The account is saved." in text_of(browser.get(PAGE))
        log = text_of(browser.get("/audit?kind=numbers"))
    assert "Priya Shah saved the provider account" in log


TROUBLES = [
    ("reading_busy", "asks us to slow down", True),
    ("reading_error", "HTTP 500", True),
    ("reading_hangs", "no answer in time", True),
    ("reading_denied", "does not accept", False),
]


@pytest.mark.parametrize(("fault", "words", "anyway"), TROUBLES)
def test_what_cannot_be_tested_is_saved_only_when_told_so(school, fault, words, anyway):
    before = account(school)
    school.carrier.fault(school.account_sid, fault)
    with school.browser(school.admin()) as browser:
        answer = browser.post(f"{PAGE}/account", data=form(answers="ours"))
        assert answer.status_code == 422
        assert words in text_of(answer)
        assert "Nothing was saved." in text_of(answer)
        assert ('name="untested"' in answer.text) is anyway
        assert re.search(r'value="ours" selected', answer.text)  # what was chosen is kept
        assert account(school) == before
        school.carrier.fault(school.account_sid, fault, count=None)
        told = browser.post(f"{PAGE}/account", data=form(answers="ours", untested="on"))
        assert told.status_code == 303
    assert account(school).opt_out_replies == "ours"


def test_a_suspended_account_is_told_apart(school):
    before = account(school)
    school.carrier.change_account(school.account_sid, suspended=True)
    with school.browser(school.admin()) as browser:
        answer = browser.post(f"{PAGE}/account", data=form())
    assert "This account is suspended or closed at the provider." in text_of(answer)
    assert account(school) == before


def test_saving_lets_a_stopped_account_go_on(school):
    """D35: from the page that says that it is stopped."""
    school.pool(1)
    dana = school.member()
    with school.account_stopped("Account suspended"), school.browser(school.admin()) as browser:
        stopped = text_of(browser.get(f"{PAGE}/state", headers=HTMX))
        assert "Stopped Account suspended. Texts wait until the account is saved again." in stopped
        assert browser.post(f"{PAGE}/account", data=form()).status_code == 303
        sent = dana.send(school.person("mobile"))
        dana.settled(sent["id"], "delivered")
        assert "Sending Texts go out and come in." in text_of(browser.get(f"{PAGE}/state"))
    names = [event["name"] for event in school.admin().events()]
    assert names.count("provider.changed") >= 3  # made, stopped, saved


# The way there and back


def test_the_self_test_goes_round_and_leaves_no_trace(school):
    """C-31"""
    with school.browser(school.admin()) as browser:
        browser.get(PAGE)
        before = row_counts(school)
        done = browser.post(f"{PAGE}/self-test", headers=HTMX)
        assert row_counts(school) == before
        whole = browser.post(f"{PAGE}/self-test")
    told = text_of(done)
    assert f"{school.url} is on this machine, and so is the practice carrier." in told
    assert re.search(r"Replyline answered after \d+ ms\.", told)
    assert "Accepted: texts, reports and calls." in told
    assert told.count("Refused, as it has to be.") == 2
    assert done.text.count("tone-text") == 5
    assert "Webhook addresses" in text_of(whole)
    assert "Refused, as it has to be." in text_of(whole)


def test_the_self_test_says_what_is_in_the_way(school):
    asking = school.viewer(school.admin(), [Can.PROVIDER_EDIT])
    nobody, carrier = "http://127.0.0.1:1", school.carrier.base_url
    with school.app.app_context():
        told = {url: self_test.run(asking, url) for url in (nobody, carrier)}
        db.session.remove()
    assert "nothing answers at 127.0.0.1:1." in told[nobody][1].told
    assert "Something else than Replyline answers" in told[carrier][1].told
    for steps in told.values():
        assert [step.tone for step in steps] == ["text", "bad", "plain", "plain", "plain"]


# What went wrong


def test_errors_of_late_are_told_in_words_and_lead_to_their_texts(school):
    dana, ours = school.holder()
    codes = {30005: 2, 30007: 1}
    for code, count in codes.items():
        for n in range(count):
            person = school.person("mobile", name=f"Nia{code} Fox{n}")
            school.carrier.handset(person.numbers[0], behaviour="undelivered", code=code)
            dana.settled(dana.send(person, f"About {code}")["id"], "undelivered")
    with school.browser(school.admin()) as browser:
        page = browser.get(PAGE)
        told = section(page, "errors")
        assert re.search(r"Number not in use 30005 2 Today \d+:\d+ [ap]m", told)
        assert re.search(r"Stopped as spam 30007 1 Today", told)
        assert told.index("30005") < told.index("30007")
        (link, with_number) = (
            html.unescape(each)
            for each in re.findall(r'href="(/messages\?[^"]*error=30005[^"]*)"', page.text)
        )
        texts = text_of(browser.get(link))
        assert "About 30005" in texts
        assert "About 30007" not in texts
        assert "Error code: 30005" in texts
        assert text_of(browser.get(with_number)).count("About 30005") == 2
        assert ours[1:] in with_number
    with school.another() as other, other.browser(other.admin()) as browser:
        assert "No text has failed." in section(browser.get(PAGE), "errors")


# Carriers


def registered(school, **what):
    school.carrier.registrations(school.account_sid, **what)
    with school.browser(school.admin()) as browser:
        return section(browser.get(f"{PAGE}/registration"), "registration")


def test_what_carriers_were_told_is_shown_with_what_follows(school):
    """10DLC and toll-free."""
    local, other = school.pool(2)
    free = f"+1833{2_000_000 + secrets.randbelow(7_000_000)}"
    school.carrier.number(school.account_sid, free)
    school.add_numbers(free)
    nothing = registered(school)
    assert "2 numbers. In no campaign: US carriers refuse their texts (30034)." in nothing
    assert "1 number. Toll-free and not verified" in nothing
    assert "Neither a brand nor a campaign nor a toll-free number is registered" in nothing
    told = registered(
        school,
        brands=[{"status": "FAILED", "errors": ["The name and the tax number differ"]}],
        services=[
            {"name": "Advising", "numbers": [local], "campaign": {"status": "VERIFIED"}},
            {"name": "Aid", "numbers": [other], "campaign": {"status": "IN_PROGRESS"}},
        ],
        verifications=[{"number": free, "status": "TWILIO_REJECTED", "reason": "No consent"}],
    )
    assert "Brand Refused The name and the tax number differ" in told
    assert "Campaign of “Advising” Approved For higher education." in told
    assert "1 number. In an approved campaign" in told
    assert "1 number. Their campaign is in review" in told
    assert "1 number. Toll-free, and the verification was refused" in told
    assert "Refused No consent" in told


@pytest.mark.parametrize("fault", [fault for fault, *_ in TROUBLES])
@pytest.mark.parametrize("what", ["numbers", "registration"])
def test_a_question_without_an_answer_is_told(school, fault, what):
    school.pool(1)
    school.carrier.fault(school.account_sid, fault)
    with school.browser(school.admin()) as browser:
        answer = browser.get(f"{PAGE}/{what}")
    assert answer.status_code == 200
    words = {"numbers": "The numbers could not be compared: ", "registration": "No answer: "}
    assert words[what] in section(answer, what)


# Who may


def test_only_whoever_may_edit_the_provider(school):
    """D1, D3: by link and by forged request; another institution's number is not there."""
    (ours,) = school.pool(1)
    number = school.number(ours)["id"]
    porter = role(school, "Porter", "numbers.manage", "people.read")
    before = account(school)
    gets = (PAGE, f"{PAGE}/state", f"{PAGE}/numbers", f"{PAGE}/registration")
    posts = (f"{PAGE}/account", f"{PAGE}/self-test", f"{PAGE}/numbers/{number}")
    with school.browser(school.member(porter, name="Sam Nowak")) as browser:
        for path in gets:
            assert browser.get(path).status_code == 403
        for path in posts:
            assert browser.post(path, data=form(untested="on")).status_code == 403
        assert PAGE not in browser.get("/settings/twilio").text
    with school.another() as other, other.browser(other.admin()) as browser:
        school.carrier.set_number(school.account_sid, ours, sms_url="https://old.example/sms")
        assert browser.post(f"{PAGE}/numbers/{number}").status_code == 404
        assert ours[-4:] not in section(browser.get(f"{PAGE}/numbers"), "numbers")
    assert school.carrier.number_settings(school.account_sid, ours)["sms_url"].startswith("https")
    technician = role(school, "Technician", "provider.edit")
    school.carrier.number(school.account_sid, new_number())
    with school.browser(school.member(technician, name="Tia Bell")) as browser:
        page = browser.get(f"{PAGE}/numbers")
        assert "it is not in the pool" in text_of(page)
        assert "to the pool</span>" not in page.text  # adding is the right of others
        assert "Set it right" in page.text
        forged = browser.post("/settings/numbers/add", data={"numbers": new_number()})
        assert forged.status_code == 403
    assert account(school) == before


def test_an_institution_without_an_account_is_asked_for_one(school, stack):
    """What is not accepted leaves nothing behind; one account belongs to one institution."""
    from app.services import staff
    from tests.school import PASSWORD

    with school.app.app_context():
        bare = staff.create_institution("Eastfield", "America/Chicago", "US")
        email = f"ada.{secrets.token_hex(4)}@eastfield.example"
        staff.create(bare, email, "Ada Bell", ["Administrator"], PASSWORD)
        db.session.remove()
    ada = type("Ada", (), {"email": email})
    with school.browser(ada) as browser:
        page = text_of(browser.get(PAGE))
        assert "There is no account yet." in page
        assert "Webhook addresses" not in page
        bad = browser.post(f"{PAGE}/account", data=form(account_sid="nonsense"))
        assert (bad.status_code, 'value="nonsense"' in bad.text) == (422, True)
        assert "An account SID is AC and 32" in text_of(bad)
        empty = browser.post(f"{PAGE}/account", data=form(account_sid=school.account_sid))
        assert "Paste the auth token of this account." in text_of(empty)
        theirs = form(account_sid=school.account_sid, auth_token="t" * 32, untested="on")
        taken = browser.post(f"{PAGE}/account", data=theirs)
        assert taken.status_code == 409
        assert "This provider account belongs to another institution." in text_of(taken)
        for what in ("numbers", "registration"):
            assert browser.get(f"{PAGE}/{what}").status_code == 200
        assert browser.post(f"{PAGE}/self-test").status_code == 404
        own = form(account_sid=f"AC{secrets.token_hex(16)}", auth_token="t" * 32, untested="on")
        assert browser.post(f"{PAGE}/account", data=own).status_code == 303
        assert own["account_sid"] in browser.get(PAGE).text

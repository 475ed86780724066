"""Import removal: only who was on the list that somebody saw goes, and comes back as they were."""

import pytest
from sqlalchemy import select

from app.database import db
from app.models import EventRow, ImportState
from app.rules.importing import Field
from app.services import import_runs, people
from app.services.import_runs import By
from tests.college import THEIRS
from tests.imports import HEAD, known, line, many, outcomes, phones_of, ran, worked

MOBILE, HOME, OTHER = "+15122000101", "+15122000102", "+15122000103"


def test_c15_nobody_goes_who_was_not_on_the_list(by):
    """People who come while the question is open stay, whoever brings them."""
    ran(by, many(10))
    run = ran(by, many(1), remove_missing=True)
    assert (run.state, run.leaving, run.of) == (ImportState.ASKING, 9, 10)
    listed = [(key, outcome) for _, key, outcome, _ in outcomes(run)]
    assert listed == [("N0", "unchanged"), *((f"N{n}", "leaving") for n in range(1, 10))]
    assert ran(by, many(60, start=9)).counts == {"unchanged": 1, "created": 50}  # and N9 again
    import_runs.answer_removal(by, run.id, remove=True, count=9)
    done = worked(run.id)
    assert done.counts == {"unchanged": 1, "removed": 8, "skipped": 1}
    assert outcomes(done)[-1][3] == "Came back, or can sign in, since this was counted."
    here = [n for n in range(60) if known(f"N{n}").removed_at is None]
    assert here == [0, *range(9, 60)]


def test_a_dry_run_names_who_would_go(by):
    ran(by, many(3))
    run = ran(by, many(1), remove_missing=True, dry_run=True)
    assert (run.state, run.leaving, run.of) == (ImportState.DONE, 2, 3)
    assert run.counts == {"unchanged": 1, "leaving": 2}
    assert outcomes(run)[1:] == [(0, f"N{n}", "leaving", "Not in the file.") for n in (1, 2)]
    assert known("N1").removed_at is None


CUT = ["N1,Maya,Torres,,,,more\n", "N1,Maya\n"]


@pytest.mark.parametrize("wrong", CUT)
def test_whoever_is_on_a_line_that_is_cut_wrong_is_not_missing(by, wrong):
    ran(by, many(20))
    rest = "".join(many(20).splitlines(keepends=True)[3:])
    run = ran(by, HEAD + line("N0", "P0") + wrong + rest, remove_missing=True)
    assert (run.state, run.leaving) == (ImportState.DONE, 0)
    assert known("N1").removed_at is None


def test_where_nobody_can_tell_who_is_on_a_line_it_is_always_asked(by):
    ran(by, many(20))
    shown = "".join(many(20).splitlines(keepends=True)[2:])
    run = ran(by, HEAD + shown + ",Somebody,Torres,,,\n", remove_missing=True)
    assert (run.state, run.leaving, run.of) == (ImportState.ASKING, 1, 20)
    turned = "Name,ID\n" + "".join(f"P{n} Torres,N{n}\n" for n in range(1, 20))
    run = ran(by, turned + "Torres, P0,N0\n", remove_missing=True)  # its ID was moved
    assert (run.state, run.leaving) == (ImportState.ASKING, 1)


def test_who_comes_back_has_every_number_again_that_went(college, by):
    """Not those that were replaced or taken away before."""
    ran(by, HEAD + line("N1", mobile=MOBILE, home=HOME) + line("N2", "Noor"))
    ran(by, HEAD + line("N1", mobile=OTHER))
    assert phones_of("N1") == [HOME, OTHER]
    people.add_phone(college.dana, known("N1").id, "+15122000104", "work")
    for _ in "ab":
        run = ran(by, HEAD + line("N2", "Noor"), remove_missing=True)
        import_runs.answer_removal(by, run.id, remove=True, count=1)
        worked(run.id)
        assert phones_of("N1") == []
        back = ran(by, HEAD + line("N1"))
        assert outcomes(back)[0][3] == "Was removed and is back, phones."
        assert phones_of("N1") == [HOME, OTHER, "+15122000104"]


def test_a_program_brings_somebody_back_with_their_numbers(college, by):
    ran(by, HEAD + line("N1", mobile=MOBILE, home=HOME))
    run = ran(by, HEAD + line("N2"), remove_missing=True)
    import_runs.answer_removal(by, run.id, remove=True, count=1)
    worked(run.id)
    people.upsert_by_source(
        college.dana, "N1", {"given_name": "Maia", "family_name": "Torres"}, None
    )
    db.session.remove()
    assert phones_of("N1") == [MOBILE, HOME]
    ran(by, HEAD + line("N1", mobile=OTHER))
    assert phones_of("N1") == [HOME, OTHER]  # they are an import’s, as before


def test_the_pages_of_those_who_go_hear_of_it(by):
    ran(by, many(3))
    gone = known("N2").id
    newest = select(EventRow.seq).order_by(EventRow.seq.desc()).limit(1)
    before = db.session.execute(newest).scalar_one()
    run = ran(by, many(2), remove_missing=True)
    import_runs.answer_removal(by, run.id, remove=True, count=1)
    worked(run.id)
    rows = db.session.execute(select(EventRow.name, EventRow.ids).where(EventRow.seq > before))
    told = [(name, ids) for name, ids in rows]
    assert [ids for name, ids in told if name == "person.changed"] == [{"person": gone}]
    assert told[-1] == ("import.finished", {"import": run.id})


ROSTER = "sourcedId,status,role,givenName,familyName,email\n"


def test_who_can_sign_in_is_not_deleted_by_a_file(college, by):
    text = ROSTER + f"t1,active,teacher,Dana,Whitfield,{college.dana.email}\n"
    assert ran(by, text + "s1,active,student,Maya,Torres,\n").counts["created"] == 1
    assert known("t1").id
    gone = text.replace("active", "tobedeleted") + "s9,tobedeleted,student,No,Body,\n"
    run = ran(by, gone)
    assert (run.state, run.leaving) == (ImportState.DONE, 0)
    assert [reason for _, _, _, reason in outcomes(run)] == [
        "To be deleted, but can sign in here. Deactivate the account first.",
        "To be deleted, and not here.",
    ]


def test_a_number_that_somebody_added_by_hand_again_stays(college, by):
    ran(by, HEAD + line("N1", mobile=MOBILE))
    [phone] = known("N1").phones
    people.remove_phone(college.dana, phone.id)
    people.add_phone(college.dana, known("N1").id, MOBILE, "mobile")
    ran(by, HEAD + line("N1", mobile=OTHER))
    assert phones_of("N1") == [MOBILE, OTHER]


def test_a_number_that_somebody_took_away_stays_away(college, by):
    ran(by, HEAD + line("N1", mobile=MOBILE))
    [phone] = known("N1").phones
    people.remove_phone(college.dana, phone.id)
    run = ran(by, HEAD + line("N1", mobile=MOBILE))
    assert phones_of("N1") == []
    assert run.counts == {"unchanged": 1}
    told = "Somebody took (512) 200-0101 away by hand, so it stays away."
    assert outcomes(run)[0][3] == told
    people.restore_phone(college.dana, phone.id)
    ran(by, HEAD + line("N1", mobile=MOBILE))
    assert phones_of("N1") == [MOBILE]


# Who is known again


def test_a_column_more_doubles_nobody(college, by):
    """Without IDs: the name with the email, or with a phone where one of the two has no email."""
    steps = (
        f"Name,Mobile\nMaya Torres,{MOBILE}\n",
        f"Name,Email,Mobile\nMaya Torres,m@x.edu,{MOBILE}\n",
        f"Name,Email,Home\nTorres Maya,M@x.edu,{HOME}\n",
        f"Name,Mobile,Home\nMaya Torres,{OTHER},{HOME}\n",
    )
    for n, text in enumerate(steps):
        run = ran(by, text)
        assert run.counts == ({"changed": 1} if n else {"created": 1}), n
    father = f"Name,Email,Mobile\nMaya Torres,other@x.edu,{OTHER}\n"
    assert ran(by, father).counts == {"created": 1}  # of the same name, at the same phone
    assert ran(by, father).counts == {"unchanged": 1}
    two = ran(by, f"Name,Mobile\nMaya Torres,{OTHER}\n")
    assert outcomes(two)[0][3] == "Several people have this name and address. Give an ID."
    assert ran(by, f"Name,Mobile\nMaya Torres,{THEIRS}\n").counts == {"unchanged": 1}  # by hand


def test_a_kind_is_changed_only_where_it_is_said(by):
    head = "ID,First name,Kind\n"
    ran(by, head + "N1,Maya,guardian\nN2,Noor,\n", kind="staff")
    assert [known(each).kind.value for each in ("N1", "N2")] == ["guardian", "staff"]
    assert ran(by, head + "N1,Maya,\nN2,Noor,\n").counts == {"unchanged": 2}
    assert ran(by, "ID,First name\nN1,Maya\nN2,Noor\n", kind="guardian").counts == {"unchanged": 2}
    assert ran(by, head + "N1,Maya,student\n").counts == {"changed": 1}
    assert known("N1").kind.value == "student"


def test_of_two_columns_with_one_name_the_first_counts(by):
    text = f"Nr,Ruf,Funk,Funk\nN1,Maya,{MOBILE},{HOME}\n"
    named = {"Nr": Field.SOURCE_ID, "Ruf": Field.GIVEN_NAME, "Funk": Field.MOBILE}
    assert ran(by, text, named=named).counts == {"created": 1}
    assert phones_of("N1") == [MOBILE]


def test_of_two_lines_with_the_email_of_one_account_the_first_gets_it(college, by):
    one = f"t1,active,teacher,Dana,Whitfield,{college.dana.email}\n"
    run = ran(By.of(college.kim), ROSTER + one + one.replace("t1", "t2"))
    assert run.counts == {"changed": 1, "refused": 1}
    assert outcomes(run)[1][1:] == ("t2", "refused", "A line above is about the same person.")
    assert known("t1").given_name == "Dana"

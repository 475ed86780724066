"""Finding: the conversations that hold what somebody looks for (`rules.search`)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, union_all

from app.database import has_word, newest_with_word, only_checked
from app.models import ContactNumber, Conversation, Message, Person, PersonPhone
from app.rules.access import Viewer
from app.rules.search import Term, tail

NEWEST = 1000  # among everybody's messages so many with a word are looked at, the newest


def answered_by(viewer: Viewer) -> ColumnElement[bool]:
    """The conversations of the viewer, and of those whom they cover."""
    if not viewer.covers:
        return Conversation.staff_id == viewer.staff_id
    return Conversation.staff_id.in_(sorted(viewer.holders))


def holds(
    viewer: Viewer, term: Term, *, own: bool, within: ColumnElement[bool] | None = None
) -> ColumnElement[bool]:
    """The conversations whose person, number or words `term` finds. `own`: only of the viewer's
    own, however old the words; else the newest words of conversations `within`, None = of all."""
    institution = only_checked(Conversation.institution_id) == viewer.institution_id
    scope = and_(institution, answered_by(viewer)) if own else institution
    named = select(Person.id).where(has_word(Person, term.word))
    ways = [select(Conversation.id).where(scope, Conversation.person_id.in_(named))]
    if term.digits:
        ways.append(_by_number(viewer, term.digits, scope))
    ways.append(_said_in_own(term, scope) if own else _said_lately(viewer, term, within))
    return Conversation.id.in_(union_all(*ways))


def _by_number(viewer: Viewer, digits: str, scope: Any) -> Select[Any]:
    numbers = select(ContactNumber.id).where(
        ContactNumber.institution_id == viewer.institution_id, number_ends(digits)
    )
    owners = select(PersonPhone.person_id).where(
        PersonPhone.contact_number_id.in_(numbers), PersonPhone.removed_at.is_(None)
    )
    theirs = or_(Conversation.contact_number_id.in_(numbers), Conversation.person_id.in_(owners))
    return select(Conversation.id).where(scope, theirs)


def number_ends(digits: str) -> ColumnElement[bool]:
    """A contact number with these last digits: a range of its tail, which every index can serve."""
    first = tail(digits)
    found = ContactNumber.tail.startswith(first, autoescape=True) & (ContactNumber.tail >= first)
    if shorter := first.rstrip("9"):
        found &= ContactNumber.tail < shorter[:-1] + chr(ord(shorter[-1]) + 1)
    return found


def _said_in_own(term: Term, scope: Any) -> Select[Any]:
    """Few conversations, so their messages are read: an index of words would bring everybody's."""
    words = Message.words
    said = or_(words.startswith(term.word), words.contains(f" {term.word}"))
    return (
        select(Message.conversation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(scope, said)
    )


def _said_lately(viewer: Viewer, term: Term, within: ColumnElement[bool] | None) -> Select[Any]:
    ours = only_checked(Message.institution_id) == viewer.institution_id
    said = select(Message.conversation_id).where(ours)
    if within is not None:
        theirs = select(Conversation.id).where(within)
        said = said.where(only_checked(Message.conversation_id).in_(theirs))
    newest = newest_with_word(said, Message, term.word).limit(NEWEST).subquery()
    return select(newest.c.conversation_id)

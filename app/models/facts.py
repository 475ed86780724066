"""Facts: the figures of days that are over, so that a year is read without its messages. And which
alerts about the month's limit have gone out."""

from datetime import date

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import ByValue, Id, when
from app.rules.facts import Measure


class DailyFact(Base):
    """One figure of one day: of all (`staff_id`, `number_id` and `unit_id` 0), of one member of
    staff, of one number of ours, or of one org unit without those below. Without references,
    because 0 is nobody."""

    __tablename__ = "daily_fact"
    __table_args__ = {"sqlite_with_rowid": False}

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(Id, primary_key=True)
    number_id: Mapped[int] = mapped_column(Id, primary_key=True)
    unit_id: Mapped[int] = mapped_column(Id, primary_key=True)
    measure: Mapped[Measure] = mapped_column(ByValue(Measure), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # of the institution
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(Id)


class FactDay(Base):
    """A day whose figures are kept, while `closed`; any other day is counted when it is asked
    about."""

    __tablename__ = "fact_day"
    __table_args__ = {"sqlite_with_rowid": False}

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    closed: Mapped[bool]


class LimitAlert(Base):
    """That so many percent of a month's limit were used: told once (issue 5)."""

    __tablename__ = "limit_alert"
    __table_args__ = {"sqlite_with_rowid": False}

    institution_id: Mapped[int] = mapped_column(Id, ForeignKey("institution.id"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)  # "2026-11"
    level: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[when]

"""Staff: logins, the roles that say what they may do, the keys their programs use, and who stands
in for whom."""

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    json_list,
    pk,
    ref,
    when,
    when_or_never,
)


class RoleKind(StrEnum):
    STAFF = "staff"
    STUDENT = "student"  # its members never hold a number (S3-42)


staff_role = Table(
    "staff_role",
    Base.metadata,
    Column("staff_id", Id, ForeignKey("staff.id"), primary_key=True),
    Column("role_id", Id, ForeignKey("role.id"), primary_key=True),
)


class Role(Base):
    """A named set of capabilities (D3). "Permitted roles" are the staff roles with `text.start`."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("institution_id", "name"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    name: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(16), default=RoleKind.STAFF)
    capabilities: Mapped[json_list]


class Staff(Base):
    """`last_live_at`: when a browser of theirs was last connected. `password_hash` "": invited, and
    none chosen yet."""

    __tablename__ = "staff"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk] = mapped_column(index=True)
    person_id: Mapped[int] = mapped_column(Id, ref("person"))
    email: Mapped[str] = mapped_column(
        String(320), unique=True
    )  # lower case; one in the deployment
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str | None] = mapped_column(String(64))
    active: Mapped[bool] = mapped_column(default=True)
    weekly_summary: Mapped[bool] = mapped_column(default=True)  # for whoever may read reports
    org_unit_id: Mapped[int | None] = mapped_column(Id)  # no reference: it came later
    last_live_at: Mapped[when_or_never]
    created_at: Mapped[when]

    roles: Mapped[list[Role]] = relationship(secondary=staff_role, order_by=Role.id)


class Login(Base):
    """One signed-in browser. Ending the row signs it out, whatever its cookie says."""

    __tablename__ = "login"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, hex
    created_at: Mapped[when]
    last_used_at: Mapped[when]
    ended_at: Mapped[when_or_never]


class ApiToken(Base):
    """A key to the API. `scopes` None = everything its staff member may do."""

    __tablename__ = "api_token"
    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, hex
    scopes: Mapped[list[Any] | None] = mapped_column(JSON)
    created_at: Mapped[when]
    last_used_at: Mapped[when_or_never]
    revoked_at: Mapped[when_or_never]


class Purpose(StrEnum):
    INVITE = "invite"
    RESET = "reset"


class PasswordLink(Base):
    """A link sent by mail that lets its owner choose a password, once, until it expires."""

    __tablename__ = "password_link"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), index=True)
    purpose: Mapped[Purpose] = mapped_column(ByValue(Purpose))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256, hex
    created_at: Mapped[when]
    expires_at: Mapped[when]
    used_at: Mapped[when_or_never]


class Cover(Base):
    """A colleague sees and answers somebody's conversations, from then to then; ending one early
    is an earlier `until_at`."""

    __tablename__ = "cover"
    __table_args__ = (Index("ix_cover_by", "by_staff_id", "until_at"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), index=True)  # whose conversations
    by_staff_id: Mapped[int] = mapped_column(Id, ref("staff"))
    from_at: Mapped[when]
    until_at: Mapped[when]
    created_at: Mapped[when]


class Advisee(Base):
    """That somebody is a student of a member of staff: "my students". By hand, by API, by
    import."""

    __tablename__ = "advisee"
    __table_args__ = (Index("ix_advisee_person", "person_id"),)

    staff_id: Mapped[int] = mapped_column(Id, ref("staff"), primary_key=True)
    person_id: Mapped[int] = mapped_column(Id, ref("person"), primary_key=True)
    institution_id: Mapped[institution_fk]
    created_at: Mapped[when]
    created_by: Mapped[int | None] = mapped_column(Id, ref("staff"))

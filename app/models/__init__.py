"""Models: the tables, and where a rule needs a row, its `facts()`."""

from app.models.institution import Institution, Seats, Usage
from app.models.messages import (
    CONVERSATION_UNREAD,
    EMAIL_UNFINISHED,
    MESSAGE_UNFINISHED,
    Attempt,
    Conversation,
    DeliveryReport,
    Direction,
    Email,
    Kind,
    Marker,
    Message,
    Picture,
)
from app.models.numbers import (
    Assignment,
    OptOutReplies,
    PairBlock,
    ProviderAccount,
    SenderNumber,
)
from app.models.people import ContactNumber, Person, PersonKind, PersonPhone
from app.models.records import (
    AuditEntry,
    Beat,
    ConsentEntry,
    EventCounter,
    EventRow,
    Idempotency,
)
from app.models.staff import ApiToken, Login, Role, RoleKind, Staff, staff_role

__all__ = [
    "CONVERSATION_UNREAD",
    "EMAIL_UNFINISHED",
    "MESSAGE_UNFINISHED",
    "ApiToken",
    "Assignment",
    "Attempt",
    "AuditEntry",
    "Beat",
    "ConsentEntry",
    "ContactNumber",
    "Conversation",
    "DeliveryReport",
    "Direction",
    "Email",
    "EventCounter",
    "EventRow",
    "Idempotency",
    "Institution",
    "Kind",
    "Login",
    "Marker",
    "Message",
    "OptOutReplies",
    "PairBlock",
    "Person",
    "PersonKind",
    "PersonPhone",
    "Picture",
    "ProviderAccount",
    "Role",
    "RoleKind",
    "Seats",
    "SenderNumber",
    "Staff",
    "Usage",
    "staff_role",
]

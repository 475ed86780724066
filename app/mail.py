"""Mail: send one email. A text and an HTML part that say the same, marked as automatic."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr
from html import escape
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT = 10.0  # seconds for each answer of the mail server


@dataclass(frozen=True, slots=True)
class Mail:
    """`message_id`: with angle brackets, the same for every try. `at`: aware."""

    to: str
    sender_name: str
    reply_to: str | None
    subject: str
    text: str
    message_id: str
    at: datetime


class MailRefused(Exception):
    """The mail server said no for good, to this mail or its address; str() is its answer."""


class MailDeferred(Exception):
    """The mail server does not take this mail now; others may go."""


class MailServerDown(Exception):
    """The mail server cannot take mail now; try again later."""


class Mailer:
    def __init__(self, server: smtplib.SMTP, mail_from: str) -> None:
        self._server = server
        self._from = parseaddr(mail_from)[1]

    def send(self, mail: Mail) -> None:
        """Hand over one mail. Raises MailRefused, MailDeferred or MailServerDown."""
        try:
            self._server.send_message(self._built(mail), self._from, [mail.to])
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            raise _sorted_out(code, answer, MailDeferred) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(f"the mail server cannot write to such an address: {error}") from None
        except smtplib.SMTPResponseException as error:
            raise _sorted_out(error.smtp_code, error.smtp_error, MailServerDown) from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerDown(type(error).__name__) from None

    def _built(self, mail: Mail) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = formataddr((one_line(mail.sender_name), self._from))
        message["To"] = mail.to
        if mail.reply_to:
            message["Reply-To"] = mail.reply_to
        message["Subject"] = one_line(mail.subject)
        message["Date"] = format_datetime(mail.at)
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message.set_content(mail.text)
        message.add_alternative(_as_html(mail.text), subtype="html")
        return message


@contextmanager
def connected(mail_url: str, mail_from: str) -> Iterator[Mailer]:
    """One connection for as many mails as there are. Raises MailServerDown."""
    try:
        server = _connect(mail_url)
    except (smtplib.SMTPException, OSError) as error:
        raise MailServerDown(type(error).__name__) from None
    try:
        yield Mailer(server, mail_from)
    finally:
        try:
            server.quit()
        except (smtplib.SMTPException, OSError):
            server.close()


def _connect(mail_url: str) -> smtplib.SMTP:
    url = urlsplit(mail_url)
    tls = parse_qs(url.query).get("tls", [""])[0]
    kind = smtplib.SMTP_SSL if tls == "ssl" else smtplib.SMTP
    server = kind(url.hostname or "", url.port or 25, timeout=TIMEOUT)
    try:
        if tls == "starttls":
            server.starttls()
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def one_line(text: str) -> str:
    """A header value: no line ends, so that a name cannot add headers (X24)."""
    return " ".join(text.split())


def _sorted_out(code: int, answer: bytes | str, for_now: type[Exception]) -> Exception:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    line = one_line(f"{code} {text}")[:300]
    return MailRefused(line) if 500 <= code < 600 else for_now(line)


def _as_html(text: str) -> str:
    paragraphs = "".join(
        f"<p>{escape(p).replace(chr(10), '<br>')}</p>" for p in text.split("\n\n") if p.strip()
    )
    return (
        f'<!doctype html><html><head><meta charset="utf-8"></head><body>{paragraphs}</body></html>'
    )

"""Email: the job that hands due emails to the mail server."""

import structlog
from flask import current_app

from app import jobs
from app.config import Settings
from app.jobs import Job
from app.mail import MailRefused, MailServerDown, connected
from app.services import emails

log = structlog.get_logger()


def send_due() -> None:
    """Send what is due, over one connection per batch.

    May run twice or late: a mail is claimed before it is handed over and carries the same
    Message-ID each time. A worker that dies in between leaves a lease that runs out.
    """
    jobs.answered(Job.SEND_EMAILS)
    while claimed := emails.claim_due():
        if not _hand_over(claimed):
            return


def _hand_over(claimed: list[emails.Claimed]) -> bool:
    """False where the mail server is down: the rest waits as well."""
    settings: Settings = current_app.config["SETTINGS"]
    left = list(claimed)
    try:
        with connected(settings.mail_url, settings.mail_from) as mailer:
            while left:
                try:
                    mailer.send(left[0].mail)
                    emails.record_sent(left[0].id)
                except MailRefused as error:
                    emails.record_refused(left[0].id, str(error))
                left.pop(0)
    except MailServerDown as error:
        log.warning("mail_server_down", waiting=len(left))
        for email in left:
            emails.record_later(email.id, str(error))
        return False
    return True

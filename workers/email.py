"""Email: the job that hands due emails to the mail server."""

import time

import structlog
from flask import current_app

from app import clock, jobs
from app.config import Settings
from app.jobs import Job
from app.mail import MailDeferred, Mailer, MailRefused, MailServerDown, connected
from app.points import reached
from app.services import emails

log = structlog.get_logger()


def send_due() -> None:
    """Send what is due over one connection, for `delivery_job` seconds at most, then ring again.

    May run twice or late: a mail is claimed before it is handed over and carries the same
    Message-ID each time. A worker that dies in between leaves a lease that runs out.
    """
    jobs.answered(Job.SEND_EMAILS)
    began = clock.now()
    if not emails.any_due(began):
        return
    settings: Settings = current_app.config["SETTINGS"]
    ends = time.monotonic() + settings.timing.delivery_job
    try:
        with connected(settings.mail_url, settings.mail_from) as mailer:
            while time.monotonic() < ends:
                if (email := emails.claim_next(began)) is None:
                    return
                _hand_over(mailer, email)
    except MailServerDown as error:
        log.warning("mail_server_down", error=str(error))
        while email := emails.claim_next(began):
            emails.record_later(email.id, str(error))
        return
    jobs.ring(Job.SEND_EMAILS)


def _hand_over(mailer: Mailer, email: emails.Claimed) -> None:
    try:
        reached("email.claimed")
        mailer.send(email.mail)
        reached("email.handed_over")
    except MailRefused as error:
        emails.record_refused(email.id, str(error))
    except MailDeferred as error:
        emails.record_later(email.id, str(error))
    except MailServerDown as error:
        emails.record_later(email.id, str(error))
        raise
    else:
        emails.record_sent(email.id)

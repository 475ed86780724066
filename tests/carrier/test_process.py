"""The process: restart, pages, mailbox."""

import smtplib
from email.message import EmailMessage

import pytest
import requests
from twilio.base.exceptions import TwilioRestException


def test_a_restart_forgets_nothing(process, account, phone, carrier):
    """A text that waits, a text in the air, an opt-out."""
    in_the_air, opted_out = (phone.replace("+1512", area) for area in ("+1737", "+1361"))
    carrier.handset(phone, behaviour="off")
    carrier.handset(in_the_air, behaviour="slow", seconds=0.3)
    carrier.text(opted_out, to=account.number, body="STOP")
    account.send(phone)
    account.send(in_the_air)
    assert len(account.receiver.take(3)) == 3  # the STOP, and "sent" twice
    assert process.stop() == 0
    process.start()
    [report] = account.receiver.take(1)
    assert (report.form["To"], report.form["MessageStatus"]) == (in_the_air, "delivered")
    carrier.handset(phone, behaviour="delivered")
    [report] = account.receiver.take(1)
    assert (report.form["To"], report.form["MessageStatus"]) == (phone, "delivered")
    assert [text["body"] for text in carrier.shown(phone)] == ["Hello"]
    with pytest.raises(TwilioRestException) as refused:
        account.send(opted_out)
    assert refused.value.code == 21610


def test_the_page_shows_phones_and_hears_of_changes(process, account, phone, carrier):
    carrier.handset(phone, name="Tomás Herrera")
    page = requests.get(process.base_url, timeout=5)
    assert "Tomás Herrera" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; img-src 'self' data:;")
    account.send(phone, "Registration opens <Monday>")
    account.receiver.take(2)
    live = requests.get(f"{process.base_url}/live", params={"seen": 0, "have": 9999}, timeout=5)
    assert "Registration opens &lt;Monday&gt;" in live.text
    assert "Text message" not in live.text  # what is typed into is never replaced


def test_other_sites_and_names_are_kept_out(process):
    url = f"{process.base_url}/phones"
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert requests.post(url, headers=headers, timeout=5).status_code == 403


def test_the_mailbox_keeps_what_it_gets_and_shows_it(process, mailbox):
    mail = EmailMessage()
    mail["From"] = "Dana Whitfield <dana@northfield.example>"
    mail["To"] = "maya@students.example"
    mail["Reply-To"] = "reply+1@northfield.example"
    mail["Subject"] = "Ümit: your spring registration"
    mail["Message-ID"] = "<1@northfield.example>"
    mail.set_content("Registration opens Monday at 8.")
    mail.add_alternative("<p>Registration opens <b>Monday</b></p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", process.smtp_port) as smtp:
        smtp.send_message(mail)
    [kept] = mailbox.mails(to="Maya@students.example")
    assert kept["from"] == "Dana Whitfield <dana@northfield.example>"
    assert kept["reply_to"] == "reply+1@northfield.example"
    assert kept["subject"] == "Ümit: your spring registration"
    assert kept["message_id"] == kept["headers"]["Message-ID"] == "<1@northfield.example>"
    assert kept["text"].strip() == "Registration opens Monday at 8."
    assert "<b>Monday</b>" in kept["html"]
    assert mailbox.mails(since_id=kept["id"]) == []
    site = f"http://127.0.0.1:{process.mailbox_port}"
    assert "Registration opens Monday" in requests.get(f"{site}/mails/{kept['id']}", timeout=5).text
    html = requests.get(f"{site}/mails/{kept['id']}/html", timeout=5)
    assert html.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize(
    ("refused", "code", "to", "expected"),
    [
        ("gone@students.example", 550, "gone@students.example", 550),
        ("gone@students.example", 550, "here@students.example", 250),
        ("*", 451, "here@students.example", 451),
    ],
)
def test_the_mailbox_can_be_told_to_refuse(process, mailbox, refused, code, to, expected):
    mailbox.refuse(refused, code)
    with smtplib.SMTP("127.0.0.1", process.smtp_port) as smtp:
        smtp.ehlo()
        smtp.mail("dana@northfield.example")
        answer = smtp.rcpt(to)[0]
    mailbox.accept_all()
    assert answer == expected

"""Network: what becomes of a text, either way.

A text from an account is carried as its handset's behaviour says, and every step is reported to the
address the account gave. A text from a handset is handed to the address of the number it went to.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import gevent
import smsutil

from app.carrier.faults import Faults, Stage
from app.carrier.journal import Journal
from app.carrier.store import FINAL, Account, Number, Store, Text, new_sid
from app.carrier.twiml import BadTwiml, Reply, replies
from app.carrier.webhooks import Answer, Request, Webhooks, split_overrides
from app.carrier.wire import API_VERSION, media_path
from app.carrier.words import ANSWERS, Keyword, keyword
from app.errors import Conflict, Invalid

# What a handset may do with its texts, and the error code it gives where none was chosen.
BEHAVIOURS: dict[str, int | None] = {
    "delivered": None,
    "slow": None,
    "undelivered": 30003,
    "failed": 30008,
    "invalid": 21211,  # refused when the text is created
    "landline": 21614,  # refused when the text is created
    "silent": None,  # accepted, and nothing is heard of it again
}

_AFTER_THE_ANSWER = 0.01  # seconds from the answer to a create until its first report
_PLACES = ("City", "State", "Zip", "Country")


class Network:
    """The carrier itself. `base_url` is where Replyline finds the media it is told of."""

    def __init__(
        self, store: Store, journal: Journal, webhooks: Webhooks, faults: Faults, base_url: str
    ) -> None:
        self.store, self.journal, self.faults = store, journal, faults
        self._webhooks, self._base_url = webhooks, base_url

    def resume(self) -> None:
        """Carry what an earlier process had accepted and not finished."""
        for text in self.store.texts("direction LIKE 'outbound%' AND status IN ('queued', 'sent')"):
            gevent.spawn(self._carry, text.sid)

    # from an account to a handset

    def accept(
        self,
        account: Account,
        sender: str,
        recipient: str,
        body: str,
        *,
        media: list[str] | None = None,
        status_callback: str | None = None,
        direction: str = "outbound-api",
    ) -> Text:
        """Take a text that was found right. It starts once the account has its answer."""
        text = _text(account, direction, sender, recipient, body, media or [])
        text = replace(text, status="queued", status_callback=status_callback)
        self.store.add_text(text)
        gevent.spawn_later(account.latency_ms / 1000 + _AFTER_THE_ANSWER, self._carry, text.sid)
        return text

    def _carry(self, sid: str) -> None:
        text = self.store.text(sid)
        assert text is not None
        handset = self.store.add_handset(text.recipient)
        if handset.behaviour == "silent":
            self.store.advance(sid, "sending")  # for good: a restart does not look at it again
            return
        if handset.behaviour == "failed":
            self._report(text, "failed", handset.code or BEHAVIOURS["failed"])
            return
        reporting = self._report(text, "sent")
        if reporting:
            reporting.join()
        if handset.behaviour == "slow":
            gevent.sleep(handset.seconds)
        self._reach(text)

    def _reach(self, text: Text) -> None:
        """The last step, without waiting. A handset that is off gets it when it is switched on."""
        handset = self.store.add_handset(text.recipient)
        if not handset.switched_on:
            self.journal.touch(text.recipient)
        elif handset.behaviour == "undelivered":
            self._report(text, "undelivered", handset.code or BEHAVIOURS["undelivered"])
        else:
            self._report(text, "delivered")

    def switch(self, number: str, on: bool) -> None:
        """Switch a handset on or off; what waited for it arrives in order."""
        self.store.set_handset(number, switched_on=on)
        self.journal.touch(number)
        for text in self.store.waiting(number) if on else []:
            self._reach(text)

    def _report(
        self, text: Text, status: str, error_code: int | None = None
    ) -> gevent.Greenlet | None:
        """Move the text and start to report it; None when it was that far already."""
        if not self.store.advance(text.sid, status, error_code):
            return None
        self.journal.touch(text.recipient)
        send = partial(self.send_callback, text, status, error_code)
        return gevent.spawn(self.faults.report, text, status in FINAL, send)

    def send_callback(
        self, text: Text, status: str, error_code: int | None = None
    ) -> Answer | None:
        """Report `status` now, whatever was reported before and whatever faults are set; None when
        nobody asked for it."""
        account = self.store.account(text.account_sid)
        if not text.status_callback or account is None:
            return None
        form = {
            "AccountSid": text.account_sid,
            "From": text.sender,
            "To": text.recipient,
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "MessageStatus": status,
            "SmsStatus": status,
            "ApiVersion": API_VERSION,
        }
        if error_code and status in ("failed", "undelivered"):
            form["ErrorCode"] = str(error_code)
        if status in ("delivered", "undelivered"):
            form["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime())
        about = f"{{who}}: {status}" + (f", {error_code}" if error_code else "")
        url, token = text.status_callback, account.token
        return self._webhooks.send(Request(url, form, token, text.recipient, about))

    # from a handset to an account

    def type(self, handset: str, to: str, body: str, media: list[str] | None = None) -> Text:
        """A person sends a text. The carrier has it; `hand_over` gives it to the account.

        Raises Invalid for a number that nobody owns, Conflict for a handset that is off.
        """
        number = self.store.number(to)
        account = self.store.account(number.account_sid) if number else None
        if account is None:
            raise Invalid("to", f"{to} is no number of any account here.")
        if not self.store.add_handset(handset).switched_on:
            raise Conflict(f"The phone {handset} is switched off.", code="switched_off")
        text = _text(account, "inbound", handset, to, body, media or [])
        text = replace(text, status="received", sent=text.created, shown=text.created)
        self.store.add_text(text)
        if account.opt_out_handling:
            self._obey(account, text)
        self.journal.touch(handset)
        return text

    def _obey(self, account: Account, text: Text) -> None:
        word, pair = keyword(text.body), (text.sender, text.recipient)
        asked: dict[Keyword | None, Callable[[], bool]] = {
            Keyword.STOP: lambda: self.store.block(*pair),
            Keyword.START: lambda: self.store.unblock(*pair),
            Keyword.HELP: lambda: True,
        }
        if word and asked[word]():  # a second STOP in a row is not answered
            answer = _text(account, "automatic", text.recipient, text.sender, ANSWERS[word], [])
            now = time.time()
            self.store.add_text(replace(answer, status="delivered", sent=now, shown=now))

    def hand_over(self, text: Text, times: int = 1) -> list[Answer]:
        """Call the number's webhook, `times` at once with the same text; its answers, none where
        the text gets lost."""
        if self.faults.take(Stage.INBOUND, text.account_sid, text.sender, text.recipient):
            return []
        number, account = self.store.number(text.recipient), self.store.account(text.account_sid)
        if number is None or account is None:
            return []
        number = self._as_it_counts(number)
        if not number.settings.get("sms_url"):
            return []
        calls = [gevent.spawn(self._call, text, number, account) for _ in range(times)]
        gevent.joinall(calls, raise_error=True)
        answers = [call.value for call in calls]
        self.store.write(
            "UPDATE text SET webhook_status = ?, webhook_ms = ? WHERE sid = ?",
            *(answers[0].status or 0, answers[0].ms, text.sid),
        )
        self.journal.touch(text.sender)
        return answers

    def _as_it_counts(self, number: Number) -> Number:
        """With the addresses of its service, or of none where an application takes its texts."""
        if number.settings.get("sms_application_sid"):
            return replace(number, settings={})
        taken = self.store.taken_by_service(number)
        return replace(number, settings=number.settings | taken) if taken else number

    def _call(self, text: Text, number: Number, account: Account) -> Answer:
        """One webhook, then the fallback address where it failed; the last answer."""
        form, settings = self._inbound_form(text), number.settings
        about = f"{{who}}: {text.body or 'a picture'}"

        def ask(url: str, method: str, more: dict[str, str]) -> Answer:
            return self._webhooks.send(
                Request(url, form | more, account.token, text.sender, about, method)
            )

        answer = ask(settings["sms_url"], settings.get("sms_method", "POST"), {})
        try:
            wanted = replies(answer)
        except BadTwiml as error:
            fallback = settings.get("sms_fallback_url")
            if not fallback:
                return answer
            failed = {
                "ErrorCode": str(error.code),
                "ErrorUrl": split_overrides(settings["sms_url"])[0],
            }
            answer = ask(fallback, settings.get("sms_fallback_method", "POST"), failed)
            try:
                wanted = replies(answer)
            except BadTwiml:
                return answer
        for reply in wanted:
            self._reply(account, text, reply)
        return answer

    def _reply(self, account: Account, text: Text, reply: Reply) -> None:
        to, sender = reply.to or text.sender, reply.sender or text.recipient
        if not (account.opt_out_handling and self.store.blocked(to, sender)):
            self.accept(account, sender, to, reply.body, direction="outbound-reply")

    def _inbound_form(self, text: Text) -> dict[str, str]:
        form = {
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "SmsMessageSid": text.sid,
            "AccountSid": text.account_sid,
            "From": text.sender,
            "To": text.recipient,
            "Body": text.body,
            "NumMedia": str(len(text.media)),
            "NumSegments": str(text.segments),
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        form |= {end + place: "" for end in ("From", "To") for place in _PLACES}
        for index, (sid, content_type) in enumerate(text.media):
            form[f"MediaUrl{index}"] = f"{self._base_url}{media_path(text, sid)}"
            form[f"MediaContentType{index}"] = content_type
        return form


def _text(
    account: Account, direction: str, sender: str, recipient: str, body: str, media: list[str]
) -> Text:
    now = time.time()
    return Text(
        id=0,
        sid=new_sid("MM" if media else "SM"),
        account_sid=account.sid,
        direction=direction,
        sender=sender,
        recipient=recipient,
        body=body,
        segments=len(smsutil.split(body).parts) if body else 1,
        media=[[new_sid("ME"), item] for item in media],
        status="",
        error_code=None,
        status_callback=None,
        created=now,
        updated=now,
        sent=None,
        shown=None,
        webhook_status=None,
        webhook_ms=None,
    )

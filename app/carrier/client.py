"""Client: the carrier's control API in Python, for tests and the demo."""

from typing import Any

import requests

Json = Any  # the shapes are in `control` and `mailbox`

_TIMEOUT = 60.0  # seconds; a text waits for its webhook, retries and fallback included


class CarrierClient:
    """`base_url` is the carrier's address. Raises requests.HTTPError when it refuses.

    >>> carrier = CarrierClient("http://127.0.0.1:8001")
    >>> carrier.text("+15125550147", to="+15125550190", body="STOP")["webhook"]["status"]
    200
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False

    def account(self, sid: str, token: str, **settings: Any) -> Json:
        """Create or change an account; `settings`: opt_out_handling, latency_ms, suspended."""
        return self._call("POST", "accounts", json={"sid": sid, "token": token, **settings})

    def change_account(self, sid: str, **settings: Any) -> Json:
        return self._call("PATCH", f"accounts/{sid}", json=settings)

    def registrations(self, sid: str, **what: Any) -> Json:
        """All that is registered for an account; what it had before is gone. `what`: brands,
        services with their numbers and campaign, verifications; in the shapes of
        `registering`."""
        return self._call("PUT", f"accounts/{sid}/registrations", json=what)

    def number_settings(self, account_sid: str, number: str) -> Json:
        """What the account has set for a number, by Twilio's names."""
        return self._call("GET", f"numbers/{number}", params={"account_sid": account_sid})

    def set_number(self, account_sid: str, number: str, **settings: str) -> Json:
        """Change that behind Replyline's back."""
        body = {"account_sid": account_sid, "settings": settings}
        return self._call("PATCH", f"numbers/{number}", json=body)

    def take_number_away(self, number: str) -> None:
        """It belongs to no account any more."""
        self._call("DELETE", f"numbers/{number}")

    def number(self, account_sid: str, number: str) -> str:
        """Give the account a number; its PN sid."""
        body = {"account_sid": account_sid, "number": number}
        return str(self._call("POST", "numbers", json=body)["sid"])

    def handset(self, number: str, **settings: Any) -> Json:
        """Create or change a handset; `settings`: name, behaviour, code, seconds."""
        return self._call("PUT", f"handsets/{number}", json=settings)

    def handsets(self) -> Json:
        return self._call("GET", "handsets")

    def text(
        self, handset: str, to: str, body: str = "", media: list[str] | None = None, repeat: int = 1
    ) -> Json:
        """Type a text on a handset: {"sid", "webhook": {"status", "ms", "at"}, "webhooks": [...]}.

        `at`: when the webhook was answered. `webhook` is None where nobody was told.
        """
        sent = {"to": to, "body": body, "media": media or []}
        return self._call("POST", f"handsets/{handset}/texts", json=sent, params={"repeat": repeat})

    def texts(self, texts: list[dict[str, Any]], *, wait: bool = True) -> Json:
        """Type many at once, each {"from", "to", "body", "media"}: [{"sid", "webhook"}, ...].

        With `wait` False nobody waits for the webhooks, and each is None.
        """
        return self._call("POST", "texts", json={"texts": texts, "wait": wait})

    def shown(self, handset: str) -> Json:
        """What the handset shows, oldest first."""
        return self._call("GET", f"handsets/{handset}/texts")

    def ledger(
        self, *, account_sid: str | None = None, to: str | None = None, from_: str | None = None
    ) -> Json:
        """Every create that was accepted, oldest first."""
        return self._call(
            "GET", "ledger", params={"account_sid": account_sid, "to": to, "from": from_}
        )

    def creates(
        self, *, account_sid: str | None = None, to: str | None = None, from_: str | None = None
    ) -> Json:
        """Every create that came in, accepted or not, oldest first: as in the ledger, and
        {"accepted", "sid", "fault", "status", "code"}. `at`: when it came in."""
        return self._call(
            "GET", "creates", params={"account_sid": account_sid, "to": to, "from": from_}
        )

    def fault(
        self,
        account_sid: str,
        kind: str,
        *,
        count: int | None = 1,
        seconds: float | None = None,
        chance: float = 1,
        seed: int | None = None,
        times: int | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> int:
        """Set one of `faults.KINDS`; its id. It meets the next `count` (None: all until it is
        cleared) that `from_`, `to` and `chance` let it meet."""
        body = {"account_sid": account_sid, "kind": kind, "count": count, "seconds": seconds}
        body |= {"chance": chance, "seed": seed, "times": times, "from": from_, "to": to}
        return int(self._call("POST", "faults", json=body)["id"])

    def faults(self, account_sid: str | None = None) -> Json:
        """Those set and not cleared, oldest first; `hits`: how many each has met."""
        return self._call("GET", "faults", params={"account_sid": account_sid})

    def clear_fault(self, fault_id: int) -> None:
        self._call("DELETE", f"faults/{fault_id}")

    def clear_faults(self, account_sid: str | None = None) -> None:
        self._call("DELETE", "faults", params={"account_sid": account_sid})

    def callback(self, sid: str, status: str, error_code: int | None = None) -> Json:
        """Send a status callback now, past all faults: {"status", "ms", "at"} of its answer."""
        body = {"status": status, "error_code": error_code}
        return self._call("POST", f"ledger/{sid}/callbacks", json=body)

    def requests(self, limit: int = 100) -> Json:
        """The recent requests between the carrier and Replyline, newest first."""
        return self._call("GET", "requests", params={"limit": limit})

    def _call(self, method: str, path: str, **options: Any) -> Json:
        url = f"{self.base_url}/carrier/api/{path}"
        answer = self._session.request(method, url, timeout=_TIMEOUT, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


class MailboxClient:
    """The mailbox's API; `base_url` is the mailbox's address."""

    def __init__(self, base_url: str) -> None:
        self._url = base_url.rstrip("/") + "/api"
        self._session = requests.Session()
        self._session.trust_env = False

    def mails(self, to: str | None = None, since_id: int = 0) -> Json:
        """The mails, oldest first, to that recipient and after that id."""
        return self._call("GET", "mails", params={"to": to, "since_id": since_id})

    def refuse(self, recipient: str, code: int) -> None:
        """Refuse mail to `recipient` ("*": everybody) with this SMTP code."""
        self._call("PUT", "refusal", json={"recipient": recipient, "code": code})

    def accept_all(self) -> None:
        self._call("DELETE", "refusal")

    def _call(self, method: str, path: str, **options: Any) -> Json:
        answer = self._session.request(method, f"{self._url}/{path}", timeout=_TIMEOUT, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

"""Every error this application raises on purpose.

ReplylineError                 HTTP
├── Unauthorized               401   nobody is signed in, or the token is not (or no longer) valid
├── Forbidden                  403   the role or the token's scope may not do this
│   └── BadSignature           403   a webhook that the provider did not sign
├── NotFound                   404   the row does not exist, or is not yours to see
├── Conflict                   409   the state does not allow it; `code` says which state
│   └── Merged                 409   the person is one with another by now; `into` says with whom
├── BadRequest                 400   a webhook without a field that it must have
├── Invalid                    422   the input is wrong; `fields` say where
├── Unavailable                503   the database is away or too busy; nothing was changed
└── ProviderError                -   never reaches a browser; the worker handles it
    ├── ProviderRefused          -   final: the provider said no, with its code
    ├── ProviderBusy             -   nothing was sent: refused connection, 429; try again
    ├── ProviderDenied           -   our credentials are not accepted: stop the account
    └── ProviderUnknown          -   we do not know whether it was sent

A rule never raises: "opted out" and "limit reached" are decisions (`rules.dispatch`), not errors.
"""


class ReplylineError(Exception):
    """Base class. `code` is stable and is what clients and logs match on; str() is for people."""

    code = "error"
    http_status = 500

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code

    @property
    def fields(self) -> list[dict[str, str]]:
        """The wrong input fields, [{"field", "message"}]; empty where no field is at fault."""
        return []


class Unauthorized(ReplylineError):
    code, http_status = "unauthorized", 401


class Forbidden(ReplylineError):
    code, http_status = "forbidden", 403


class BadSignature(Forbidden):
    code = "bad_signature"


class NotFound(ReplylineError):
    code, http_status = "not_found", 404

    def __init__(self, message: str = "There is nothing here, or it is not yours to see.") -> None:
        super().__init__(message)


class Conflict(ReplylineError):
    code, http_status = "conflict", 409


class Merged(Conflict):
    code = "merged"

    def __init__(self, into: int) -> None:
        super().__init__("This record was merged into another one, which has everything now.")
        self.into = into


class BadRequest(ReplylineError):
    code, http_status = "bad_request", 400


class Invalid(ReplylineError):
    """One wrong field: `Invalid("to", "…")`, or several: `Invalid.many({"to": "…", …})`."""

    code, http_status = "invalid", 422

    def __init__(self, field: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self._fields = {field: message}

    @classmethod
    def many(cls, problems: dict[str, str]) -> "Invalid":
        error = cls(*next(iter(problems.items())))
        error._fields = dict(problems)
        return error

    @property
    def fields(self) -> list[dict[str, str]]:
        return [{"field": field, "message": message} for field, message in self._fields.items()]


class Unavailable(ReplylineError):
    code, http_status = "unavailable", 503


class ProviderError(ReplylineError):
    """`provider_code` is the provider's own, as text; None where it gave none."""

    code = "provider_error"

    def __init__(self, message: str, provider_code: str | None = None) -> None:
        super().__init__(message)
        self.provider_code = provider_code


class ProviderRefused(ProviderError):
    code = "provider_refused"


class ProviderBusy(ProviderError):
    """`retry_after`: seconds the provider asked us to wait; None where it did not say."""

    code = "provider_busy"

    def __init__(
        self, message: str, provider_code: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, provider_code)
        self.retry_after = retry_after


class ProviderDenied(ProviderError):
    code = "provider_denied"


class ProviderUnknown(ProviderError):
    code = "provider_unknown"

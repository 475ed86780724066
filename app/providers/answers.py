"""Answers: what an answer of Twilio proves: yes, provably no, or nothing.

`twilio` and what is under it are imported where they are used: a process that only receives needs
neither.

Source: reference/reliability.md 3.2
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from app.errors import (
    ProviderBusy,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
)

P = ParamSpec("P")
T = TypeVar("T")


def ask(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Do one call, and sort what comes back: what was provably not done from what may have been."""
    import urllib3
    from twilio.base.exceptions import (
        TwilioException,
        TwilioRestException,
        TwilioServiceException,
    )

    try:
        return call(*args, **options)
    except (TwilioRestException, TwilioServiceException) as error:  # its two ways to say no
        raise _sorted_out(error) from None
    except TwilioException as error:  # a listing hides the answer in here
        raise _sorted_out(_said(error)) from None
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        raise ProviderBusy("the provider cannot be reached") from None
    except Exception as error:
        # Half a JSON, a deadline, a field of another kind: whatever it is, it is no "no".
        from app.providers import deadlines

        late = "no answer in time"
        told = late if deadlines.is_over() else f"no clear answer: {type(error).__name__}"
        raise ProviderUnknown(told) from None


def _said(error: Any) -> Any:
    from twilio.base.version import Version
    from twilio.http.response import Response

    answer = next((a for a in error.args if isinstance(a, Response)), Response(0, ""))
    return Version.exception("GET", "", answer, "")


def _sorted_out(error: Any) -> ProviderError:
    """A Twilio error as one of ours. Only a 4xx that carries a Twilio code proves that nothing was
    sent."""
    code = str(error.code) if error.code and error.code != error.status else None
    if error.status == 429:
        from app.providers.http import asked_to_wait

        return ProviderBusy("the provider asks us to slow down", code, asked_to_wait())
    if error.status == 401 or code == "20003":
        return ProviderDenied("the provider does not accept our credentials", code or "20003")
    if 400 <= error.status < 500 and code:
        said = getattr(error, "msg", "") or getattr(error, "title", "")
        return ProviderRefused(str(said)[:300], code)
    return ProviderUnknown(f"HTTP {error.status}" if error.status else "no clear answer", code)

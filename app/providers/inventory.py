"""Inventory: what an account at Twilio holds: its numbers with the addresses that count for them,
and what carriers were told about it.

Source: reference/protocol.md 3.2 to 3.4
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from app.errors import ProviderRefused, ProviderUnknown
from app.providers import Brand, Campaign, Owned, Registrations, Service, Verification
from app.providers.answers import ask
from app.rules.addresses import Webhooks

if TYPE_CHECKING:
    from twilio.rest import Client

P = ParamSpec("P")
T = TypeVar("T")

_PAGE = 500  # numbers; so many fit into one answer
_MOST = 5000  # numbers
_MOST_OF_A_SERVICE = 1000  # numbers
_MOST_SERVICES = 20
_LONGEST = 300  # characters of a reason
_PATIENCE = 4  # deadlines of a call, for all calls of one question


class _Asking:
    """Calls that belong together, with an end for all of them."""

    def __init__(self, client: "Client", deadline: float) -> None:
        self.messaging = client.messaging.v1
        self._ends = time.monotonic() + _PATIENCE * deadline

    def __call__(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        if time.monotonic() > self._ends:
            raise ProviderUnknown("the answers took too long")
        return ask(call, *args, **options)


def owned(client: "Client", deadline: float) -> list[Owned]:
    """In the order of the provider. A number in a messaging service follows the addresses of the
    service, unless that leaves them to its numbers."""
    asking = _Asking(client, deadline)
    numbers = asking(client.incoming_phone_numbers.list, page_size=_PAGE, limit=_MOST)
    of_service = _taken_by_services(asking)
    return asking(lambda: [_owned(n, of_service.get(n.phone_number)) for n in numbers])


def _taken_by_services(asking: _Asking) -> dict[str, Any]:
    """The service of each number that does not follow its own addresses."""
    try:
        services = asking(asking.messaging.services.list, limit=_MOST_SERVICES)
    except ProviderRefused:  # whoever speaks only the older half of this API has none
        return {}
    taking = [service for service in services if not service.use_inbound_webhook_on_number]
    return {e164: service for service in taking for e164 in _members(asking, service.sid)}


def _members(asking: _Asking, service_sid: str) -> list[str]:
    numbers = asking.messaging.services(service_sid).phone_numbers
    return [str(n.phone_number) for n in asking(numbers.list, limit=_MOST_OF_A_SERVICE)]


def _owned(number: Any, service: Any) -> Owned:
    can = {str(name).lower(): on for name, on in (number.capabilities or {}).items()}
    voice = _address(number.voice_url, number.voice_application_sid)
    if service is None:
        application = number.sms_application_sid
        inbound = _address(number.sms_url, application)
        hooks = Webhooks(inbound, _address(number.sms_fallback_url, application), voice)
        return Owned(number.phone_number, hooks, bool(can.get("sms", True)))
    hooks = Webhooks(service.inbound_request_url or "", service.fallback_url or "", voice)
    its = Service(service.sid, str(service.friendly_name or "")[:64])
    return Owned(number.phone_number, hooks, bool(can.get("sms", True)), its)


def _address(url: str | None, application: str | None) -> str:
    """An application at Twilio outranks the addresses of a number."""
    return f"the application {application}" if application else url or ""


def registrations(client: "Client", deadline: float) -> Registrations:
    """Brands, campaigns with the numbers of their services, and toll-free verifications."""
    asking = _Asking(client, deadline)
    messaging = asking.messaging
    brands = asking(messaging.brand_registrations.list, limit=_MOST_SERVICES)
    services = asking(messaging.services.list, limit=_MOST_SERVICES)
    toll_free = asking(messaging.tollfree_verifications.list, limit=_MOST_OF_A_SERVICE)
    campaigns = tuple(found for service in services for found in _campaigns(asking, service))
    return asking(_registrations, brands, campaigns, toll_free)


def _registrations(
    brands: list[Any], campaigns: tuple[Campaign, ...], toll_free: list[Any]
) -> Registrations:
    return Registrations(
        tuple(Brand(str(b.sid), str(b.status), _reasons(b.errors)) for b in brands),
        campaigns,
        tuple(
            Verification(
                str(v.tollfree_phone_number or ""),
                str(v.status),
                str(v.rejection_reason or "")[:_LONGEST],
            )
            for v in toll_free
        ),
    )


def _campaigns(asking: _Asking, service: Any) -> list[Campaign]:
    found = asking(asking.messaging.services(service.sid).us_app_to_person.list, limit=10)
    numbers = tuple(_members(asking, service.sid)) if found else ()
    name = str(service.friendly_name or "")[:64]
    return asking(lambda: [_campaign(each, name, numbers) for each in found])


def _campaign(found: Any, service: str, numbers: tuple[str, ...]) -> Campaign:
    use = str(found.us_app_to_person_usecase or "")[:64]
    return Campaign(service, str(found.campaign_status), use, _reasons(found.errors), numbers)


def _reasons(errors: Any) -> tuple[str, ...]:
    """Twilio's own words, of whichever shape."""
    found = []
    for each in errors or ():
        said = each.get("description") or each.get("detail") if isinstance(each, dict) else each
        if said:
            found.append(str(said)[:_LONGEST])
    return tuple(dict.fromkeys(found))

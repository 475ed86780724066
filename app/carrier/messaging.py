"""Messaging: the newer half of Twilio's API (v1): services with their numbers, and what carriers
were told: brands, campaigns, toll-free verifications. Read, except for a service's own settings.

At Twilio it has a host of its own, and the account is whoever asks.

Source: reference/protocol.md 3.3 and 3.4
"""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, g, jsonify, request

from app.carrier.rest import as_twilio, network, not_found
from app.carrier.store import Registered
from app.carrier.wire import registered_json

messaging = as_twilio(Blueprint("messaging", __name__, url_prefix="/v1"))

# What may be changed of a service: form name → JSON name.
_SERVICE_SETTINGS = {
    "InboundRequestUrl": "inbound_request_url",
    "FallbackUrl": "fallback_url",
    "UseInboundWebhookOnNumber": "use_inbound_webhook_on_number",
}


@messaging.get("/a2p/BrandRegistrations")
def list_brands() -> Response:
    return _page("data")


@messaging.get("/Services")
def list_services() -> Response:
    return _page("services")


@messaging.get("/Services/<sid>")
def show_service(sid: str) -> Response:
    return jsonify(registered_json(_service(sid), request.host_url.rstrip("/")))


@messaging.post("/Services/<sid>")
def change_service(sid: str) -> Response:
    service, form = _service(sid), request.form
    given: dict[str, Any] = {
        name: form[key] for key, name in _SERVICE_SETTINGS.items() if key in form
    }
    if (on := given.get("use_inbound_webhook_on_number")) is not None:
        given["use_inbound_webhook_on_number"] = on.lower() == "true"
    network().store.register(sid, g.account.sid, "/v1/Services", given)
    g.about = f"Settings of the service {service.fields['friendly_name']}"
    return show_service(sid)


@messaging.get("/Services/<sid>/PhoneNumbers")
def list_service_numbers(sid: str) -> Response:
    _service(sid)
    return _page("phone_numbers")


@messaging.get("/Services/<sid>/Compliance/Usa2p")
def list_campaigns(sid: str) -> Response:
    _service(sid)
    return _page("compliance")


@messaging.get("/Tollfree/Verifications")
def list_verifications() -> Response:
    return _page("verifications")


def _service(sid: str) -> Registered:
    found = network().store.registered(g.account.sid, "/v1/Services")
    service = next((each for each in found if each.sid == sid), None)
    if service is None:
        raise not_found()
    return service


def _page(key: str) -> Response:
    """What is registered below the address that is asked for, as this half of the API pages it."""
    size = min(max(request.args.get("PageSize", 50, int), 1), 1000)
    page = max(request.args.get("Page", 0, int), 0)
    found = network().store.registered(g.account.sid, request.path)
    base = request.host_url.rstrip("/")

    def url(number: int) -> str:
        return f"{base}{request.path}?{urlencode({'PageSize': size, 'Page': number})}"

    shown = found[page * size : (page + 1) * size]
    meta = {
        "page": page,
        "page_size": size,
        "first_page_url": url(0),
        "previous_page_url": url(page - 1) if page else None,
        "url": url(page),
        "next_page_url": url(page + 1) if len(found) > (page + 1) * size else None,
        "key": key,
    }
    return jsonify({key: [registered_json(each, base) for each in shown], "meta": meta})

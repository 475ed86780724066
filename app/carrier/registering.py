"""Registering: sets what an account has told carriers, and what its numbers say, behind
Replyline's back. Its routes are part of `control`."""

from typing import Any, Literal

from flask import Response, jsonify, request
from pydantic import Field

from app.carrier.control import E164, Body, control, parsed
from app.carrier.rest import network
from app.carrier.store import Number, Store, new_sid
from app.carrier.wire import NUMBER_SETTINGS
from app.errors import Invalid, NotFound

_SERVICES = "/v1/Services"
Fields = dict[str, Any]  # by Twilio's JSON names


class BrandBody(Body):
    status: Literal[
        "PENDING",
        "IN_REVIEW",
        "APPROVED",
        "FAILED",
        "SUSPENDED",
        "DELETION_PENDING",
        "DELETION_FAILED",
    ] = "APPROVED"
    errors: list[str] = []


class CampaignBody(Body):
    status: Literal["PENDING", "IN_PROGRESS", "VERIFIED", "FAILED", "SUSPENDED"] = "VERIFIED"
    use: str = "HIGHER_EDUCATION"
    errors: list[str] = []


class ServiceBody(Body):
    """`on_number`: what comes in follows the addresses of the number."""

    name: str = "Texts"
    numbers: list[E164] = []
    inbound: str | None = None
    on_number: bool = True
    campaign: CampaignBody | None = None


class VerificationBody(Body):
    number: E164
    status: Literal["PENDING_REVIEW", "IN_REVIEW", "TWILIO_APPROVED", "TWILIO_REJECTED"]
    reason: str | None = None


class RegistrationsBody(Body):
    brands: list[BrandBody] = []
    services: list[ServiceBody] = []
    verifications: list[VerificationBody] = []


class SettingsBody(Body):
    account_sid: str
    settings: dict[str, str] = Field(max_length=20)


@control.put("/accounts/<sid>/registrations")
def put_registrations(sid: str) -> tuple[str, int]:
    """All of them; what was there before is gone."""
    body, store = parsed(RegistrationsBody), network().store
    if store.account(sid) is None:
        raise NotFound(f"There is no account {sid}.")
    register(store, sid, body)
    return "", 204


def register(store: Store, sid: str, body: RegistrationsBody) -> None:
    store.forget_registered(sid)
    for brand in body.brands:
        told = [{"code": 30794, "description": each, "fields": []} for each in brand.errors]
        fields: Fields = {
            "status": brand.status,
            "brand_type": "STANDARD",
            "errors": told,
            "mock": False,
        }
        identity = "VERIFIED" if brand.status == "APPROVED" else "UNVERIFIED"
        fields |= {"identity_status": identity, "tcr_id": None, "brand_score": None}
        store.register(new_sid("BN"), sid, "/v1/a2p/BrandRegistrations", fields)
    for service in body.services:
        _register_service(store, sid, service)
    for each in body.verifications:
        number = _owned(store, sid, each.number)
        fields = {"status": each.status, "tollfree_phone_number": number.e164}
        fields |= {"tollfree_phone_number_sid": number.sid, "rejection_reason": each.reason}
        store.register(new_sid("HH"), sid, "/v1/Tollfree/Verifications", fields)


def _register_service(store: Store, account_sid: str, service: ServiceBody) -> None:
    sid, campaign = new_sid("MG"), service.campaign
    fields: Fields = {
        "friendly_name": service.name,
        "inbound_request_url": service.inbound,
        "inbound_method": "POST",
        "fallback_url": None,
        "fallback_method": "POST",
        "status_callback": None,
        "usecase": "undeclared",
        "us_app_to_person_registered": campaign is not None and campaign.status == "VERIFIED",
        "use_inbound_webhook_on_number": service.on_number,
    }
    store.register(sid, account_sid, _SERVICES, fields)
    for e164 in service.numbers:
        number = _owned(store, account_sid, e164)
        member: Fields = {"service_sid": sid, "phone_number": e164, "country_code": "US"}
        member |= {"capabilities": ["Voice", "SMS", "MMS"]}
        store.register(number.sid, account_sid, f"{_SERVICES}/{sid}/PhoneNumbers", member)
    if campaign:
        errors = [{"error_code": 30886, "description": each} for each in campaign.errors]
        told: Fields = {"messaging_service_sid": sid, "us_app_to_person_usecase": campaign.use}
        told |= {"campaign_status": campaign.status, "errors": errors, "mock": False}
        store.register(new_sid("QE"), account_sid, f"{_SERVICES}/{sid}/Compliance/Usa2p", told)


def _owned(store: Store, account_sid: str, e164: str) -> Number:
    number = store.number(e164)
    if number is None or number.account_sid != account_sid:
        raise Invalid("number", f"{e164} is no number of this account.")
    return number


# What a number says


@control.get("/numbers/<e164>")
def show_number(e164: str) -> Response:
    number = _owned(network().store, request.args.get("account_sid", ""), e164)
    return jsonify(number.settings)


@control.patch("/numbers/<e164>")
def change_number(e164: str) -> Response:
    body, store = parsed(SettingsBody), network().store
    number = _owned(store, body.account_sid, e164)
    if unknown := body.settings.keys() - set(NUMBER_SETTINGS.values()):
        raise Invalid("settings", f"A number has no {unknown.pop()}.")
    store.set_number(number.sid, body.settings)
    settings: Any = store.numbers("sid = ?", number.sid)[0].settings
    return jsonify(settings)


@control.delete("/numbers/<e164>")
def give_number_away(e164: str) -> tuple[str, int]:
    if not network().store.write("DELETE FROM number WHERE e164 = ?", e164):
        raise NotFound(f"Nobody owns {e164}.")
    return "", 204

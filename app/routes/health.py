"""Health: whether this process lives and can work (contract 6)."""

import hmac

from flask import Blueprint, Response, current_app, jsonify, request

from app.config import Settings
from app.errors import NotFound
from app.services import health, metrics

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """200 while the process lives."""
    return Response("ok", content_type="text/plain")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """503 without database or migrations; else 200, naming what is degraded."""
    missing, degraded = health.readiness()
    if missing:
        return jsonify({"missing": missing, "degraded": degraded}), 503
    return jsonify({"degraded": degraded}), 200


@bp.get("/metrics")
def metrics_() -> Response:
    """In Prometheus' text format, for whoever has METRICS_TOKEN; 404 where none is set."""
    settings: Settings = current_app.config["SETTINGS"]
    if not settings.metrics_token:
        raise NotFound("There is no such page.")
    said = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(said, f"Bearer {settings.metrics_token}".encode()):
        return Response("METRICS_TOKEN is needed.\n", 401, {"WWW-Authenticate": "Bearer"})
    return Response(metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")

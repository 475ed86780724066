"""Health: whether this process lives and can work (contract 6)."""

from flask import Blueprint, Response, jsonify

from app.services import health

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

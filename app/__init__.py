"""Replyline: two-way texting for schools and universities. `create_app` is the only wiring."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.config import Settings


def create_app(settings: "Settings | None" = None, *, web: bool = True) -> "Flask":
    """The application on these settings, by default the environment's. Raises ConfigError.

    `web` False: without pages, API and sockets, for workers and commands.
    """
    # Imported here: whoever needs one module of this package does not pay for all.
    from flask import Flask

    from app import config, jobs
    from app.database import db, engine_options

    settings = settings or config.load()
    app = Flask(
        __name__,
        static_folder=None,  # app.routes.statics
        template_folder=str(config.ROOT / "templates"),
    )
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database),
        MAX_CONTENT_LENGTH=1024 * 1024,
        SESSION_COOKIE_NAME="__Host-replyline" if settings.secure_cookies else "replyline",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open over night still sends
        WTF_CSRF_SSL_STRICT=False,  # SameSite and the token do this; a proxy may strip the Referer
        # Not the pages: what is compressed tells by its size what a secret in it begins with.
        COMPRESS_MIMETYPES=["text/css", "text/javascript", "image/svg+xml"],
    )
    settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    db.init_app(app)
    jobs.init_app(app, settings.redis)
    if web:
        _serve(app, settings)
    return app


def _serve(app: "Flask", settings: "Settings") -> None:
    from flask_compress import Compress
    from werkzeug.middleware.proxy_fix import ProxyFix

    from app import api, live, routes, security

    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    Compress(app)
    security.add_headers(app)
    routes.init_app(app)
    api.init_app(app)
    live.init_app(app)
    if settings.demo:
        from app import demo

        app.config["DEMO_LOGINS"] = demo.STAFF, demo.PASSWORD

"""WSGI: what the web server serves."""

from app import config, create_app, logs

settings = config.load()
logs.configure(settings, "web")
app = create_app(settings)

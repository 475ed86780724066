"""WSGI: what the web server serves."""

from app import config, create_app, heartbeat, logs

settings = config.load()
logs.configure(settings, "web")
app = create_app(settings)
heartbeat.start(app)

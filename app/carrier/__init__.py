"""Carrier: the other side, for people without a Twilio account.

It speaks Twilio's REST API and signs its webhooks, so the demo and the tests run the real Twilio
code, and it has a set of handsets to type on, and a mailbox. It imports nothing of `app` but
`config` and `errors`.

    rest, messages      Twilio's REST API; its JSON is in `wire`, the media in `pictures`
    messaging           its newer half: services, campaigns and verifications (`registering`)
    network             what becomes of a text, either way; its opt-out `words`, the app's `twiml`
    faults              what goes wrong when it is told to
    webhooks            signed requests to Replyline, as Twilio makes them
    store, journal      what is kept (SQLite), and the recent requests (memory)
    control             the JSON API for tests and the demo, with `ledger`; `client`: in Python
    page, mailbox       the two pages people look at
    panel               how faults are set and cleared, by API and page
    main, web           everything in one process; what its sites share

It is one thread of greenlets (the SMTP server has a thread of its own). Nothing is monkey-patched:
what waits, waits with gevent by name. So a function that does not wait is atomic.
"""

"""A market to watch in a browser: settings, running markets and pictures apart from the page itself.

`page.py`, `page_settings.py` and `server.py` alone import Solara, which comes with the extra `dashboard`; all
else runs without a browser. Nobody imports this room but the command that opens it.
"""

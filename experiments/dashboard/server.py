"""Serves the page from this machine to this machine: every file of it comes from the installation."""

import os
import re
import socket
import threading
import warnings
import webbrowser
from pathlib import Path
from typing import Any

from hashcredit.experiments.dashboard.settings import Settings
from hashcredit.simulator.errors import UnusableError

NOWHERE = "http://127.0.0.1:9/"
"""Where a file that is missing from the installation is looked for: no port of any service."""

ASKED_FOR = re.compile(r"\{\{\s*cdn\s*\}\}/((?:@[\w-]+/)?[\w.-]+@[\d.]+)/")
"""Folder, with its version, of a file that Solara's page asks for."""

NEWER_WIDGETS = "vuetify3"
"""In the names of folders that only the next generation of widgets asks for."""


class AddressError(UnusableError):
    """Where the page cannot be served."""


class MissingFilesError(UnusableError):
    """Files of the page that are not installed."""


def prepare_solara() -> None:
    """Set what Solara reads when it is first imported: nothing is sent, fetched or written anywhere.

    Raises `MissingFilesError` where files of the page are not installed, which Solara would fetch.
    """
    os.environ |= {
        "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False",
        "SOLARA_TELEMETRY_SERVER_USER_ID": "nobody",
        "SOLARA_ASSETS_PROXY": "True",
        "SOLARA_ASSETS_CDN": NOWHERE,
        "SOLARA_MODE": "production",
        "SOLARA_THEME_SHOW_BANNER": "False",
        "SOLARA_THEME_TITLE": "hashcredit",
    }
    from solara.server import settings

    there = Path(settings.assets.proxy_cache_dir)
    for name in needed_folders():
        if not (there / name).exists():
            reason = "not installed; get the version of solara-assets that Solara wants"
            raise MissingFilesError(str(there / name), reason)


def needed_folders() -> list[str]:
    """Folders whose files the page asks for, of the versions that the installed Solara names."""
    from solara.server import server, settings

    template = Path(server.__file__).with_name("templates") / "solara.html.j2"
    found = ASKED_FOR.findall(template.read_text(encoding="utf-8"))
    icons = settings.assets.fontawesome_path.strip("/").split("/")[0]
    return sorted({name for name in found if NEWER_WIDGETS not in name} | {icons})


def bind(host: str, port: int) -> socket.socket:
    """A socket at this address, or an `AddressError`."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = f"cannot listen here ({error.strerror or error}); --port 0 takes a port that is free"
        raise AddressError(f"{host}, port {port}", reason) from None
    return listening


def serve(settings: Settings, listening: socket.socket, browser: bool) -> None:
    """Serve the page until the process is stopped."""
    import uvicorn
    from solara.server.app import AppScript, apps
    from solara.server.starlette import app

    from hashcredit.experiments.dashboard import page

    apps["__default__"] = AppScript(page.__name__)

    page.opened_with[:] = [settings]
    threading.Thread(target=_load_kernels, args=(settings,), name="kernels", daemon=True).start()
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    listening.listen(128)
    print(f"the dashboard is at {url} (Ctrl-C ends it)", flush=True)
    if browser:
        threading.Thread(target=webbrowser.open, args=(url,), name="browser", daemon=True).start()
    warnings.filterwarnings("ignore", message="Cookies with samesite")  # of pages inside other pages
    config: Any = uvicorn.Config(app, log_level="warning", access_log=False, loop="asyncio")
    uvicorn.Server(config).run(sockets=[listening])


def _load_kernels(settings: Settings) -> None:
    """Load machine code of the kernels while the browser loads the page, so that the first week is quick."""
    from hashcredit.experiments.dashboard.market import Market

    Market(settings).step()

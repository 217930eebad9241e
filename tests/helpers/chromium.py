"""A headless Chromium for tests marked `dashboard`, spoken to over its own debugging protocol.

The browser is the Debian package, which is installed if it is missing and root may. No driver and no other
package stands between: a command goes over a web socket as JSON, and what happens on the page comes back.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from installs import unavailable

LONGEST_START = 60
"""Seconds for the browser to come up, on a busy machine."""

LONGEST = 60
"""Seconds after which something that is waited for will not happen."""

KEYS = {
    "Tab": 9,
    "Enter": 13,
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
"""Keys that tests press, with their codes."""


def find_chromium() -> str:
    """Path of the browser; installs Debian's package where there is none and root may, else the test ends."""
    found = shutil.which("chromium")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(
                command,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                timeout=600,
                check=False,
            )
        found = shutil.which("chromium")
    if found is None:
        unavailable("there is no Chromium, and Debian's package cannot be installed")
    return found


class Chromium:
    """One browser process."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="chromium", dir="/tmp")
        command = [
            find_chromium(),
            "--headless=new",
            "--no-sandbox",  # root may not have one
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--remote-debugging-port=0",
            f"--user-data-dir={self._profile}",
            "about:blank",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._port = self._find_port()

    def _find_port(self) -> int:
        file = Path(self._profile) / "DevToolsActivePort"
        end = time.monotonic() + LONGEST_START
        while time.monotonic() < end:
            lines = file.read_text().splitlines() if file.exists() else []
            if lines:
                return int(lines[0])
            time.sleep(0.05)
        raise AssertionError("Chromium did not start")

    def open(self, url: str, width: int = 1280, height: int = 900) -> "Tab":
        """A new tab that watches from its first request on."""
        address = f"http://127.0.0.1:{self._port}/json/new?about:blank"
        with urllib.request.urlopen(urllib.request.Request(address, method="PUT"), timeout=LONGEST) as answer:
            target = json.load(answer)
        tab = Tab(target["webSocketDebuggerUrl"])
        tab.resize(width, height)
        tab.call("Page.navigate", url=url)
        return tab

    def close(self) -> None:
        """End the process and remove its profile."""
        self._process.terminate()
        self._process.wait(LONGEST)
        shutil.rmtree(self._profile, ignore_errors=True)


class Tab:
    """One tab.

    Attributes
    ----------
    requests : list of str
        Addresses that it asked for.
    failed : list of str
        Addresses that were answered with an error.
    complaints : list of str
        Errors and exceptions of its console.
    """

    def __init__(self, socket: str) -> None:
        from websockets.sync.client import connect

        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(socket, max_size=None, open_timeout=LONGEST))
        self._number = 0
        self.requests: list[str] = []
        self.failed: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what the page tells meanwhile is noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=LONGEST))
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(told["url"])
            case "Network.responseReceived" if told["response"]["status"] >= 400:
                self.failed.append(f"{told['response']['status']} {told['response']['url']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["exceptionDetails"])[:600])
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "assert"):
                self.complaints.append(json.dumps(told["args"])[:600])
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    @property
    def hosts(self) -> set[str]:
        """Machines that it asked; data and blobs of its own are none."""
        addresses = map(urlparse, self.requests)
        return {str(each.hostname) for each in addresses if each.scheme not in ("data", "blob", "about")}

    # Looking

    def value(self, expression: str) -> Any:
        """What JavaScript says."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, (expression, found["exceptionDetails"])
        return found["result"].get("value")

    def text(self, selector: str) -> str | None:
        """Text of the first such element; None if there is none."""
        quoted = json.dumps(selector)
        found: str | None = self.value(f"document.querySelector({quoted})?.innerText ?? null")
        return found

    def wait(self, condition: Callable[[], Any], what: str = "", longest: float = LONGEST) -> Any:
        """Whatever becomes true within a while."""
        end = time.monotonic() + longest
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"never happened: {what}; complaints: {self.complaints}; failed: {self.failed}")

    def wait_for(self, selector: str, longest: float = LONGEST) -> None:
        """Wait until there is such an element."""
        self.wait(lambda: self.text(selector) is not None, selector, longest)

    def picture(self, file: Path, whole: bool = False) -> None:
        """A screenshot as PNG, of the window or of the whole page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(found["data"]))

    # Doing

    def resize(self, width: int, height: int) -> None:
        """The window in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def click(self, selector: str) -> None:
        """A press of the mouse in the middle of an element."""
        quoted = json.dumps(selector)
        middle = f"""(() => {{
            const one = document.querySelector({quoted}), box = one.getBoundingClientRect();
            const x = box.x + box.width / 2, y = box.y + box.height / 2;
            const seen = !one.disabled && one.contains(document.elementFromPoint(x, y));
            return seen ? [x, y] : null;
        }})()"""

        def at_rest() -> Any:
            """Its middle, once it has stopped moving: a part of the page further up may still be drawn."""
            self.value(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
            first = self.value(middle)
            time.sleep(0.25)
            return first if first == self.value(middle) else None

        x, y = self.wait(at_rest, f"{selector} can be clicked")
        note = "addEventListener('mousedown', e => window.hit = e.target, {capture: true, once: true})"
        self.value(f"window.hit = null; {note}; 0")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        hit = f"document.querySelector({quoted})?.contains(window.hit) ?? true"
        assert self.value(hit), (selector, self.value("window.hit?.outerHTML"))

    def press(self, key: str, times: int = 1) -> None:
        """A key, as from a keyboard."""
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        more = {
            "key": key,
            "code": "Space" if key == " " else key,
            "windowsVirtualKeyCode": KEYS[key],
            **text,
        }
        for _ in range(times):
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **more)
            self.call("Input.dispatchKeyEvent", type="keyUp", **more)

    def type(self, text: str) -> None:
        """Letters into whatever has the focus."""
        self.call("Input.insertText", text=text)

    def close(self) -> None:
        """Close the tab."""
        self.call("Page.close")
        self._open.close()

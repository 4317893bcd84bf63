"""One page of the browser: what a person would see and do, by keyboard and mouse."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.browser.chromium import Chromium

#: Keys by name: DOM code, and what they type.
KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Space": (32, " "),
    "ArrowDown": (40, ""),
    "ArrowRight": (39, ""),
}

#: How often in a row an element is found at the same place before it counts as standing still.
STILL = 4

#: Where the middle of an element is, once the page is there and nothing covers it.
PLACE = """(() => {
  const e = [...document.querySelectorAll(%s)].find((each) => each.getClientRects().length);
  if (!e || document.readyState !== 'complete') return null;
  e.scrollIntoView({block: 'center', behavior: 'instant'});
  const r = e.getBoundingClientRect();
  const [x, y] = [r.x + r.width / 2, r.y + r.height / 2];
  const hit = document.elementFromPoint(x, y);
  return hit && (e.contains(hit) || hit.contains(e)) ? {x, y} : null;
})()"""


class Page:
    """A document: that of a page, or of a frame in it."""

    def __init__(self, browser: "Chromium", session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def script(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until an expression is true, also over the loading of another page."""

        def probe() -> Any:
            try:
                return self.script(expression)
            except Exception:  # noqa: BLE001 -- the page went away in the middle; ask the next one
                return None

        return eventually(probe)

    def text(self, selector: str = "body") -> str:
        return str(self.script(f"document.querySelector({json.dumps(selector)}).innerText"))

    def see(self, words: str) -> None:
        """Wait until words can be read."""
        self.until(f"document.body.innerText.includes({json.dumps(words)})")


class Tab(Page):
    """A page in a context of its own."""

    def __init__(
        self, browser: "Chromium", session: str, context: str, language: str, *, scripts: bool
    ) -> None:
        super().__init__(browser, session)
        self._context = context
        #: Whether the browser is expected to complain.
        self.refused = False
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setUserAgentOverride", userAgent="Patchbay tests", acceptLanguage=language
        )
        self.call("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.size(1280)

    def close(self) -> None:
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    # Looking -------------------------------------------------------------------------------------

    def go(self, url: str) -> None:
        """Open an address and wait until it is there."""
        self.script("window.old = true")
        self.call("Page.navigate", url=url)
        self.until("!window.old && document.readyState === 'complete'")

    def reload(self) -> None:
        """Open the address of the page anew."""
        self.go(str(self.script("location.href")))

    def frame(self) -> Page:
        """The document of the one frame from another site, which has a process of its own."""

        def find() -> str | None:
            targets = self._browser.call("Target.getTargets")["targetInfos"]
            found = [
                target["targetId"]
                for target in targets
                if target["type"] == "iframe" and target["browserContextId"] == self._context
            ]
            return found[0] if found else None

        target = eventually(find)
        attached = self._browser.call("Target.attachToTarget", targetId=target, flatten=True)
        return Page(self._browser, attached["sessionId"])

    def focused(self) -> str:
        """The id or name of what has the focus."""
        found = "document.activeElement"
        return str(self.script(f"{found}.id || {found}.name || {found}.innerText || ''"))

    @property
    def path(self) -> str:
        return str(self.script("location.pathname"))

    def complaints(self) -> list[str]:
        """What the browser complained about: scripts that failed, policies that were broken."""
        found: list[str] = []
        if self.refused:
            return found
        for message in self._browser.told[self._session]:
            if message["method"] == "Runtime.exceptionThrown":
                found.append(str(message["params"]["exceptionDetails"]))
            if message["method"] == "Log.entryAdded":
                entry = message["params"]["entry"]
                # An answer of 422 is logged as an error; it is one we want.
                if entry["level"] == "error" and entry["source"] != "network":
                    found.append(entry["text"])
        return found

    def requests(self) -> list[str]:
        """The addresses of everything that was asked for."""
        return [
            message["params"]["request"]["url"]
            for message in self._browser.told[self._session]
            if message["method"] == "Network.requestWillBeSent"
        ]

    # Doing ---------------------------------------------------------------------------------------

    def click(self, selector: str) -> None:
        """Click in the middle of the first thing that the selector finds and that can be seen.

        Waits until it stands still: pages scroll to what has the focus once they are loaded.
        """
        looked = PLACE % json.dumps(selector)
        places: list[Any] = []

        def still() -> bool:
            places.append(self.until(looked))
            return len(places) >= STILL and places[-STILL:] == [places[-1]] * STILL

        eventually(still)
        place = places[-1]
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **place, button="left", clickCount=1)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def fill(self, selector: str, text: str) -> None:
        self.click(selector)
        self.write(text)

    def press(self, key: str, times: int = 1, *, shift: bool = False) -> None:
        code, text = KEYS[key]
        name = " " if key == "Space" else key
        for _ in range(times):
            common = {
                "key": name,
                "code": key,
                "windowsVirtualKeyCode": code,
                "modifiers": 8 if shift else 0,
            }
            self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def choose_files(self, selector: str, *paths: Path) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path) for path in paths], nodeId=node)

    # How it looks --------------------------------------------------------------------------------

    def size(self, width: int, height: int = 900) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def dark(self, on: bool = True) -> None:  # noqa: FBT001, FBT002 -- reads as dark, dark(False)
        value = "dark" if on else "light"
        features = {"prefers-color-scheme": value, "prefers-reduced-motion": "reduce"}
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": name, "value": value} for name, value in features.items()],
        )

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Take a picture of the page as it is."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

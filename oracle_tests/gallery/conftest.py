"""The site, built once for all workers, and one headless Chromium per worker. Where there is none, its tests skip."""

import shutil
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(ROOT / "scripts"))

from audit.shown_verdicts import shown  # noqa: E402, F401 - a fixture
from gallery.__main__ import main  # noqa: E402 - its folder is put on the path above

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

COMPLETE = "return document.readyState === 'complete' && location.href.startsWith(arguments[0])"
"""A busy machine's driver may come back before the scripts of a page have run."""


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The folder of a site that was built as the command builds it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "gallery"
    with FileLock(shared / "gallery.lock"):
        if not (folder / "index.html").is_file():
            assert main(["--into", str(folder)]) == 0
    return folder


class Browser:
    """A headless Chromium: what a page says, at a width and with the media features of a reader."""

    def __init__(self, driver, site):
        self.driver, self.site = driver, site

    def open(self, page, width=1280, **features):
        """Load a page of the site, with its fragment, in a window of this width."""
        self.resize(width)
        self.features(features)
        address = f"{self.site.as_uri()}/{page}"
        if self.driver.current_url.partition("#")[0] == address.partition("#")[0]:
            self.driver.get("about:blank")  # another fragment alone would not load it anew
        self._load(address)

    def open_file(self, path):
        """Load a page that is not the site's."""
        self._load(path.as_uri())

    def _load(self, address):
        self.driver.get(address)
        assert self.eventually(COMPLETE, address.partition("#")[0]), address

    def resize(self, width):
        """Make the window this wide; the page is laid out anew."""
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def features(self, features):
        """What the reader prefers: prefers_reduced_motion="reduce" and the like; nothing by default."""
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", features=named)

    def command(self, name, **parameters):
        """A command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        """What a script returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def complaints(self):
        """What the console has said since it was last asked: errors and warnings, of scripts and of loading."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def eventually(self, script, *arguments, seconds=10):
        """The first true value that a script returns; the last one where none comes in time."""
        end = time.monotonic() + seconds
        while not (value := self.run(script, *arguments)) and time.monotonic() < end:
            time.sleep(0.02)
        return value


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A running Chromium; skips where it or its driver is not installed."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip(f"no browser: {'chromedriver' if program else 'chromium'} is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    yield running
    running.quit()


@pytest.fixture
def window(chromium):
    """The browser without the site, for pages that are none of its; what was complained about before is forgotten."""
    chromium.get_log("browser")
    return Browser(chromium, None)


@pytest.fixture
def browser(chromium, site):
    """The browser with the site; what an earlier page complained about is forgotten."""
    chromium.get_log("browser")
    return Browser(chromium, site)

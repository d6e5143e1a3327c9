"""Each lesson in JupyterLab in Chromium: run, moved from the keyboard, read on a dark page, reopened without a kernel."""

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from course.errors import CourseError
from course.notebooks import open_chromium

SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',  # else what is off screen is not on the page
}
CONTROLS = {  # what a control looks like on the page, and the keys that move it
    ".noUi-handle": ("ArrowRight", "ArrowLeft"),
    ".widget-dropdown select": ("ArrowDown", "ArrowUp"),
    ".widget-text input": ("End", "x"),
    ".widget-checkbox input": ("Space",),
    ".widget-toggle-buttons button:not(.mod-active)": ("Enter", "Space"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        try:
            browser = open_chromium(playwright)
        except CourseError as error:
            if os.environ.get("COURSE_NEEDS_CHROMIUM"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(folder, chromium):
    """The address of a JupyterLab that serves `folder` and touches nothing else on this machine."""
    for name, text in SETTINGS.items():
        plugin, setting = name.split("/")
        path = folder / ".settings" / "@jupyterlab" / plugin / f"{setting}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    environment = os.environ | {name: str(folder / name.lower()) for name in own}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings"), "COURSE_STATE_DIR": str(folder / "state")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--IdentityProvider.token=t"]
    command.append("--LabApp.expose_app_in_browser=True")
    with open(folder / "server.log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token=t").close()
                break
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(20)


class Opened:
    """A copy of a lesson, open in a browser that may talk to this machine only."""

    def __init__(self, chromium, lab, path):
        self.refused, self.errors = [], []
        self.page = chromium.new_page(viewport={"width": 1280, "height": 1400})
        self.page.route("**/*", self._local_only)
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{lab}/lab/tree/{path.name}?token=t&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready; }")
        self.page.evaluate("() => jupyterapp.shell.collapseLeft()")

    def _local_only(self, route):
        if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(route.request.url)
            route.abort()

    def run_all(self):
        return self.page.evaluate("async () => await jupyterapp.commands.execute('notebook:run-all-cells')")

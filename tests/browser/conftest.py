"""Chromium for the tests of what a browser shows; they are skipped where there is none."""

import os
import shutil

import pytest

from course.errors import CourseError
from course.show.browser import open_chromium


@pytest.fixture(scope="session")
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


SOFTWARE_GPU = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--disable-quic"]


@pytest.fixture(scope="session")
def gpu_chromium(chromium):
    """A second Chromium, with WebGPU in software."""
    from playwright.sync_api import Error

    browser_type = chromium.browser_type
    path = os.environ.get("COURSE_CHROMIUM") or _path_of(chromium)
    try:
        browser = browser_type.launch(executable_path=path, args=SOFTWARE_GPU)
    except Error as error:
        pytest.skip(f"no second Chromium: {error}")
    yield browser
    browser.close()


def _path_of(chromium):
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)

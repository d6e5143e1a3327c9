"""Chromium for the tests of what a browser shows; they are skipped where there is none."""

import os

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

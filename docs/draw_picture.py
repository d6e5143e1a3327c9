"""Draw docs/picture.png, the picture of the README, from lesson 02's schedules. Run by make notebooks."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from course.errors import CourseError  # noqa: E402
from course.lessons.l02 import figures  # noqa: E402
from course.show.browser import Stage, open_chromium  # noqa: E402

PICTURE = ROOT / "docs" / "picture.png"
WIDTH = 860  # px


def main():
    """Write the picture; leave the old one where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    figure = figures.schedules(words=1024, texts=8, ticks_a_level=figures.TICKS[-1])
    with sync_playwright() as playwright:
        try:
            chromium = open_chromium(playwright)
        except CourseError as error:
            print(f"docs/picture.png is left as it is. {error}")
            return
        stage = Stage(chromium)
        stage.draw(figure.bundle(), WIDTH)
        stage.image(PICTURE)
        chromium.close()
    print(figure.text)


if __name__ == "__main__":
    main()

"""The race in a page of its own, for the tests."""

from course.show.race import source

SMALL = {"width": 32, "batch": 2, "lengths": [16]}


def written(folder, changes=(), head=""):
    """The file of a page that has the module's functions in window.module; changes: [(text, what stands for it)]."""
    names = "race, conclude, setUp, trueRnn, trueAttention, roundsNeeded, countRnn, countAttention, widthOfEqualWork, mountRace, CONTESTANTS"
    module = source().replace("export default {", "const widget = {")
    for before, after in changes:
        assert module.count(before) == 1, before
        module = module.replace(before, after)
    script = f"<script type=module>{module}\nwindow.module = {{ {names} }};</script>"
    place = folder / "race.html"
    place.write_text(f'<!doctype html><meta charset="utf-8">{head}<div id="place"></div>{script}', encoding="utf-8")
    return place


def opened(browser, folder, changes=(), head=""):
    """Such a page, in a browser."""
    page = browser.new_page()
    page.set_default_timeout(120_000)
    page.goto(written(folder, changes, head).as_uri())
    page.wait_for_function("window.module")
    return page


def run(page, changes=(), **options):
    """The race's outcome; changes: [(text in the shaders, what stands for it)]."""
    script = """async ([options, changes]) => {
        const text = code => changes.reduce((code, [from, to]) => {
            if (!code.includes(from)) throw new Error('no such line: ' + from);
            return code.replaceAll(from, to);
        }, code);
        const outcome = await module.race({ ...options, text });
        return { ...outcome, ...module.conclude(outcome) };
    }"""
    return page.evaluate(script, [options, list(changes)])

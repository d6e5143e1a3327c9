# This is the beginning of a lesson's first cell on Colab: editions.py copies it there from below the line.
# Nothing of the course is there yet when it runs, and a lesson must lose nothing when it fails.
# ---
def _set_up_course(kind, wheel, carried, digest, archive):
    """Install the course and nothing else, unless it is there. One sentence, and no traceback, for what goes wrong."""
    import base64
    import importlib
    import json
    import lzma
    import os
    import subprocess
    import sys
    import tempfile
    import time
    from importlib import metadata, util
    from pathlib import Path

    class NotSetUp(Exception):
        def _render_traceback_(self):  # IPython shows this in place of a traceback
            return [str(self)]

    def ours():
        """Whether pip has put this very course in place; it notes so last, when all files are there."""
        try:
            noted = json.loads(metadata.distribution("rnn-to-attention").read_text("direct_url.json") or "{}")
        except metadata.PackageNotFoundError:
            return False
        if archive:
            return noted.get("url") == archive
        return noted.get("archive_info", {}).get("hash") == f"sha256={digest}"

    def look_for_other_helpers():
        restart = "restart the session (Runtime, Restart session) and run this cell again; your notebook is as it was."
        loaded = sys.modules.get("helpers")
        if loaded is not None and getattr(loaded, "COURSE", None) != "rnn-to-attention":
            place = getattr(loaded, "__file__", None) or "made in this notebook"
            raise NotSetUp(f"This kernel has already imported another helpers ({place}): {restart}")
        found = None if loaded is not None else util.find_spec("helpers")
        if (
            found
            and found.origin
            and 'COURSE = "rnn-to-attention"' not in Path(found.origin).read_text("utf-8", "replace")
        ):
            raise NotSetUp(
                f"Another helpers stands in the way ({found.origin}): rename or uninstall it, then {restart}"
            )

    def install():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", "--no-cache-dir"]
        pip += ["--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"]
        with tempfile.TemporaryDirectory() as folder:
            if carried:
                file = Path(folder, wheel)
                file.write_bytes(lzma.decompress(base64.b64decode(carried)))
                pip += ["--no-index", str(file)]
            else:
                pip += ["--retries", "1", "--timeout", "15", archive]
            done = subprocess.run(pip, capture_output=True, text=True, cwd=folder, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
            why = "" if carried else f" Is there a network, and does {archive} exist?"
            raise NotSetUp(f"The course could not be installed ({said}).{why} Run this cell again; nothing is lost.")

    on_colab = "google.colab" in sys.modules or {"COLAB_RELEASE_TAG", "COLAB_NOTEBOOK_ID"} & set(os.environ)
    start = time.perf_counter()
    try:
        look_for_other_helpers()
        # Elsewhere, the course that is there stays: it is the reader's own.
        if not ours() and (on_colab or not util.find_spec("course")):
            install()
            for name in [name for name in sys.modules if name.partition(".")[0] in ("course", "helpers")]:
                del sys.modules[name]
        importlib.invalidate_caches()
        try:
            arrived = importlib.import_module("course.editions.arrival").arrived
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] in ("course", "helpers"):
                raise NotSetUp(f"{error.name} is missing from the course that is here: reinstall it.") from None
            raise NotSetUp(
                f"This kernel lacks {error.name}, which the course needs: run %pip install {error.name} in a new cell, "
                "then this one again."
            ) from None
        except Exception as error:  # such as a torch whose import was interrupted
            raise NotSetUp(
                f"The course is installed, but does not start here ({type(error).__name__}: {error}). "
                "Restart the session and run this cell again; nothing is lost."
            ) from None
        arrived(**kind, seconds=time.perf_counter() - start)
    except KeyboardInterrupt:
        raise NotSetUp("The set-up was interrupted. Run this cell again; nothing is lost.") from None

# This is the beginning of a lesson's first cell on Colab: colab.py copies it there from below the line.
# Nothing of the course is there yet when it runs, and a lesson must lose nothing when it fails.
# ---
class _SetUp:
    """Install the course and nothing else, unless it is there. One sentence, and no traceback, for what goes wrong."""

    # Imported here, so that the lesson finds no name that it would not have elsewhere.
    import importlib
    import json
    import os
    import sys
    import tempfile
    from importlib import metadata, util
    from pathlib import Path

    RESTART = "restart the session (Runtime, Restart session) and run this cell again; your notebook is as it was."

    class NotSetUp(Exception):
        def _render_traceback_(self):  # IPython shows this in place of a traceback
            return [str(self)]

    def __init__(self, wheel, carried, digest, archive):
        """wheel, carried, digest: file name, text and sha256 of the wheel in this cell; or archive: an address."""
        self.wheel, self.carried, self.digest, self.archive = wheel, carried, digest, archive

    def run(self, lesson, timed):
        import time

        start = time.perf_counter()
        try:
            for name in ("helpers", "course"):
                self.refuse_another(name)
            if self.missing():
                self.install()
                self.forget()
            self.arrival().arrived(lesson, timed, seconds=time.perf_counter() - start)
        except KeyboardInterrupt:
            raise self.NotSetUp("The set-up was interrupted. Run this cell again; nothing is lost.") from None
        except OSError as error:
            raise self.NotSetUp(
                f"The course could not be installed ({error}). It needs some 20 MB in a folder for temporary files: name "
                "one in a new cell, with %env TMPDIR=…, then run this cell again; nothing is lost."
            ) from None

    def refuse_another(self, name):
        """NotSetUp if `import course` or `import helpers` gives somebody else's."""
        module = self.sys.modules.get(name)
        file = getattr(module, "__file__", None)
        no_code = file is None and hasattr(module, "__path__")  # a folder: what is installed goes before it
        if module is not None and not no_code and not self.is_ours(name, file):
            place = file or "made in this notebook"
            raise self.NotSetUp(f"This kernel has already imported another {name} ({place}): {self.RESTART}")
        spec = self.util.find_spec(name)
        if spec and spec.origin and not self.is_ours(name, spec.origin):
            self.name_the_obstacle(name, spec.origin)

    def name_the_obstacle(self, name, file):
        path = self.Path(file)
        place = path.parent if path.name == "__init__.py" else path
        raise self.NotSetUp(f"Another {name} stands in the way ({place}): rename or uninstall it, then {self.RESTART}")

    def is_ours(self, name, file):
        if file is None:
            return False
        if name == "course":  # among the packages it is what an interrupted set-up left; the next one mends it
            arrival = self.Path(file).with_name("editions") / "arrival.py"
            return arrival.is_file() or bool({"site-packages", "dist-packages"} & {*self.Path(file).parts})
        return 'COURSE = "rnn-to-attention"' in self.Path(file).read_text("utf-8", "replace")

    def missing(self):
        """Whether to install. Elsewhere than on Colab, a course that is there stays: it is the reader's own."""
        on_colab = {"COLAB_RELEASE_TAG", "COLAB_NOTEBOOK_ID"} & set(self.os.environ)
        if on_colab or "google.colab" in self.sys.modules:
            return not self.installed()
        try:
            return not self.metadata.distribution("rnn-to-attention")
        except self.metadata.PackageNotFoundError:
            spec = self.util.find_spec("course")
            return not (spec and spec.origin)

    def installed(self):
        """Whether this very course is in place. pip notes so last, when all files are there."""
        self.importlib.invalidate_caches()
        try:
            noted = self.metadata.distribution("rnn-to-attention").read_text("direct_url.json") or "{}"
        except self.metadata.PackageNotFoundError:
            return False
        noted = self.json.loads(noted)
        if self.archive:
            return noted.get("url") == self.archive
        return noted.get("archive_info", {}).get("hash") == f"sha256={self.digest}"

    def install(self):
        """Into this Python's own packages; where the system refuses that, into a folder for this session."""
        import site

        reason = self.pip()
        user = site.getusersitepackages() if site.ENABLE_USER_SITE else ""
        if user and self.Path(user).is_dir() and user not in self.sys.path:
            site.addsitedir(user)  # pip may have just made this folder, so Python does not look there yet
        if self.installed():
            return
        folder = self.tempfile.mkdtemp(prefix="rnn-to-attention-")
        self.sys.path.insert(0, folder)
        if self.carried:
            self.unpack(folder)
        elif self.pip("--target", folder):
            self.sys.path.remove(folder)
            raise self.NotSetUp(
                f"The course could not be installed ({reason}). Is there a network, and does {self.archive} exist? "
                "Run this cell again; nothing is lost."
            )

    def pip(self, *options):
        """Run pip. Returns its reason if it has not installed the course."""
        import subprocess

        command = [self.sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", *options]
        command += ["--no-cache-dir", "--disable-pip-version-check", "--no-warn-script-location"]
        command += ["--root-user-action=ignore", "--no-input", "--no-color"]
        environment = dict(self.os.environ)
        if options:  # a target, which cannot be combined with the user's folder
            environment["PIP_USER"] = "0"
            for name in ("PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN"):
                environment.pop(name, None)
        with self.tempfile.TemporaryDirectory() as folder:
            if self.carried:
                file = self.Path(folder, self.wheel)
                file.write_bytes(self.content())
                command += ["--no-index", str(file)]
            else:
                command += ["--retries", "1", "--timeout", "15", self.archive]
            decoded = {"capture_output": True, "encoding": "utf-8", "errors": "replace"}
            run = subprocess.run(command, cwd=folder, env=environment, check=False, **decoded)
        if not run.returncode:
            return ""
        lines = (run.stderr.strip() or run.stdout.strip() or "pip gave no reason").splitlines()
        return next((line for line in lines if line.lower().startswith("error: ")), lines[-1])

    def content(self):
        import base64
        import lzma

        return lzma.decompress(base64.b64decode(self.carried))

    def unpack(self, folder):
        """As pip would, with its note at last."""
        import io
        import zipfile

        with zipfile.ZipFile(io.BytesIO(self.content())) as wheel:
            wheel.extractall(folder)
        note = {"archive_info": {"hash": f"sha256={self.digest}"}, "url": self.wheel}
        (information,) = self.Path(folder).glob("*.dist-info")
        (information / "direct_url.json").write_text(self.json.dumps(note), "utf-8")

    def forget(self):
        """Have the course imported anew: an older one, or a folder of that name, may have been."""
        for name in [name for name in self.sys.modules if name.partition(".")[0] in ("course", "helpers")]:
            del self.sys.modules[name]
        self.importlib.invalidate_caches()

    def arrival(self):
        """The course's module that tells what has arrived."""
        try:
            return self.importlib.import_module("course.editions.arrival")
        except ModuleNotFoundError as error:
            missing = error.name
        except Exception as error:  # such as a torch whose import was interrupted
            raise self.NotSetUp(
                f"The course is installed, but does not start here ({type(error).__name__}: {error}). "
                "Restart the session and run this cell again; nothing is lost."
            ) from None
        if missing.partition(".")[0] not in ("course", "helpers"):
            raise self.NotSetUp(
                f"This kernel lacks {missing}, which the course needs: run %pip install {missing} in a new cell, "
                "then this one again."
            )
        for name in ("helpers", "course"):
            spec = self.util.find_spec(name)
            if spec and not spec.origin:  # a folder without code, before a course that is installed in editable mode
                self.name_the_obstacle(name, next(iter(spec.submodule_search_locations)))
        raise self.NotSetUp(f"{missing} is missing from the course that is here: reinstall it.")

"""A machine like Colab's, as far as one can have it here: its versions, an empty folder, and the course nowhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

from stored import ROOT

VENV = ROOT / ".venv-colab"

# Run by the other machine's Python: its own nbclient and kernel, from its own working folder.
EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600, kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=40"]).execute()
nbformat.write(notebook, sys.argv[1])
"""


def missing():
    """Why there is no such machine here, or None."""
    if not (VENV / "bin" / "python").exists():
        return "no environment with Colab's versions; make test-editions makes it"
    probe = [VENV / "bin" / "python", "-c", "import torch, nbclient, plotly; print(plotly.__version__)"]
    run = subprocess.run(probe, capture_output=True, text=True, check=False, cwd="/")
    return None if run.stdout.startswith("5.24.") else "the environment .venv-colab does not have Colab's versions"


class Colab:
    """An environment with the packages of .venv-colab, without the editable course there, and none of its own."""

    def __init__(self, folder):
        self.content, environment = folder / "content", folder / "environment"
        self.content.mkdir(parents=True)
        subprocess.run([VENV / "bin" / "python", "-m", "venv", "--without-pip", environment], check=True)
        self.python = environment / "bin" / "python"
        (packages,) = VENV.glob("lib/python*/site-packages")
        (self.packages,) = environment.glob("lib/python*/site-packages")
        # As a plain line of a path: the .pth files in there, an editable course among them, are not followed.
        (self.packages / "colab.pth").write_text(f"{packages}\n", encoding="utf-8")
        keep = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR", "OMP_NUM_THREADS") if key in os.environ}
        home = folder / "home"
        home.mkdir()
        self.environment = keep | {
            "HOME": str(home),
            "COLAB_NOTEBOOK_ID": "1abc",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        self.environment["PIP_CONFIG_FILE"] = os.devnull
        # No index, and no way out: what is not carried cannot come.
        self.environment |= {
            "PIP_INDEX_URL": "http://127.0.0.1:9/",
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        }

    def run(self, *arguments, **options):
        """Run this machine's Python in its empty folder."""
        options = {"capture_output": True, "text": True, "check": False, "env": self.environment} | options
        return subprocess.run([str(self.python), *map(str, arguments)], cwd=self.content, **options)

    def installed(self):
        """{"name==version"} of every package that this machine's Python finds, and where."""
        code = (
            "from importlib.metadata import distributions as d; print(*sorted({f'{x.name}=={x.version}' for x in d()}))"
        )
        return set(self.run("-c", code).stdout.split())

    def own(self):
        """What lies in its own site-packages, and so was installed since it was made."""
        return {path.name for path in self.packages.iterdir() if path.name != "colab.pth"}

    def execute(self, notebook, name="lesson.ipynb"):
        """Run a notebook (a dict) from top to bottom; returns it with its outputs."""
        path = Path(self.content, name)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        run = self.run("-c", EXECUTE, path)
        executed = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        assert run.returncode == 0, run.stderr[-3000:]
        return executed


if __name__ == "__main__":
    print(missing() or "here", file=sys.stderr)

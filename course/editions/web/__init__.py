"""The lessons as pages: open by a double click, no kernel, no network; what moves in them moves in the browser."""

from .write import write_web

__all__ = ["write_web"]

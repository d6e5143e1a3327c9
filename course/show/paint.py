"""The widget behind a `Paint` control: a grid of cells to click, and buttons for the pictures to start from."""

import ipywidgets as widgets
import traitlets

from . import theme
from .choices import Paint

CELL = 32  # px


class PaintBox(widgets.HBox):
    """value: the picture, a tuple of rows of True and False. options, index: the pictures that have a button."""

    value = traitlets.Tuple()

    def __init__(self, paint: Paint, value: tuple, description: str):
        self.paint, self.description = paint, description
        self.options = list(paint.pictures)
        size = range(len(paint.rows))
        self.cells = [[self._cell(i, j) for j in size] for i in size]
        self.buttons = [self._start(name) for name in self.options]
        heads = [_label(description), *(_label(str(j + 1), "center") for j in size)]
        rows = [[_label(f"{i + 1} {name}"), *self.cells[i]] for i, name in enumerate(paint.rows)]
        columns = f"110px repeat({len(size)}, {CELL}px)"
        grid = widgets.GridBox(
            [*heads, *(part for row in rows for part in row)],
            layout=widgets.Layout(grid_template_columns=columns, grid_gap="2px", flex="0 0 auto"),
        )
        starts = widgets.VBox(self.buttons, layout=widgets.Layout(margin="0 0 0 24px"))
        super().__init__([grid, starts], layout=widgets.Layout(flex_flow="row wrap"))
        self.add_class("course-paint")
        self.observe(lambda _: self._draw(), "value")
        self.value = value

    @property
    def index(self) -> int | None:
        """Which of the pictures is shown, None for one of the student's own."""
        names = [name for name, picture in self.paint.pictures.items() if picture == self.value]
        return self.options.index(names[0]) if names else None

    @index.setter
    def index(self, place: int):
        self.value = self.paint.pictures[self.options[place]]

    def _cell(self, i, j):
        cell = widgets.Button(layout=widgets.Layout(width=f"{CELL}px", height="26px", margin="0", padding="0"))
        cell.style.text_color = theme.PAPER  # on Colab, which has ipywidgets 7, the tick stays dark
        cell.on_click(lambda _: self._turn(i, j))
        return cell

    def _start(self, name):
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto", margin="0 0 2px 0"))
        button.on_click(lambda _: setattr(self, "value", self.paint.pictures[name]))
        return button

    def _turn(self, i, j):
        rows = [list(row) for row in self.value]
        rows[i][j] = not rows[i][j]
        self.value = tuple(map(tuple, rows))

    def _draw(self):
        for i, row in enumerate(self.value):
            for j, on in enumerate(row):
                cell = self.cells[i][j]
                cell.style.button_color = theme.ATTENTION if on else theme.LINE  # seen on light and dark pages
                cell.description = "✓" if on else ""  # so that colour is not the only difference
                pair = f"{i + 1} {self.paint.rows[i]}, {j + 1} {self.paint.rows[j]}"
                cell.tooltip = f"{pair}: {'on' if on else 'off'}"
        for place, button in enumerate(self.buttons):
            (button.add_class if place == self.index else button.remove_class)("mod-active")


def _label(text, align="flex-start"):
    return widgets.Label(text, layout=widgets.Layout(height="26px", margin="0", display="flex", justify_content=align))

"""Draw docs/house.svg: the rooms of course and helpers, and who imports whom. Run by make notebooks.

The rows are the layers of pyproject.toml, which import-linter holds; the arrows are the imports, as grimp finds them.
An arrow that follows from two others is left out. The layout is Sugiyama's: an arrow that crosses rows gets a place in
each of them, and the places in a row are sorted by the mean of their neighbours until fewer lines cross.
"""

import ast
import json
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import grimp
import networkx as nx

ROOT = Path(__file__).resolve().parent.parent
SVG = ROOT / "docs" / "house.svg"
WIDTH, MARGIN, ROW, BOX, GAP, LANE = 940, 14, 66, (130, 32), 16, 24  # pixels; a passing arrow takes a lane in a row
INK, LINE = "#1F2328", "#57606A"
BANDS = {"course": "#EEF4FB", "helpers": "#FBF3E6"}
# What is no room in pyproject.toml: the notebooks, and the two packages as a notebook sees them.
FACES = {"notebooks/": "the notebooks", "course": "import course", "helpers": "import helpers"}


def layers():
    """Rows of rooms from top to bottom, a package's own name where its face belongs."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    rows = [["notebooks/"]]
    for contract in (row for row in contracts if row["type"] == "layers"):
        (package,) = contract["containers"]
        lines = [line.split("|") for line in contract["layers"]]
        lines[0].append("")  # the package's own face
        rows += [[f"{package}.{room.strip()}".rstrip(".") for room in line] for line in lines]
    return rows


def imports(rooms):
    """The graph of who imports whom, without the arrows that follow from others."""
    modules = grimp.build_graph("course", "helpers", cache_dir=None)
    pairs = [
        (importer, imported)
        for importer in modules.modules
        for imported in modules.find_modules_directly_imported_by(importer)
    ]
    pairs += [("notebooks/", imported) for imported in notebook_imports()]
    graph = nx.DiGraph()
    graph.add_nodes_from(rooms)
    graph.add_edges_from((room_of(a, rooms), room_of(b, rooms)) for a, b in pairs)
    if graph.nodes - rooms:
        raise SystemExit(f"{', '.join(graph.nodes - rooms)}: give it a place in the layers of pyproject.toml.")
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return nx.transitive_reduction(graph)


def notebook_imports():
    """The modules of ours that the lessons' cells import."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                for node in ast.walk(ast.parse("".join(cell["source"]))):
                    if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("course", "helpers"):
                        yield node.module


def room_of(module, rooms):
    """The room that a module is in: course.show.theme is in course.show; a package's own __init__ is its face."""
    return module if module in rooms else ".".join(module.split(".")[:2])


def with_lanes(rows, graph):
    """Rows that also hold a lane (upper, lower, row) for each arrow that passes, and the arrows as chains of places."""
    height = {room: number for number, row in enumerate(rows) for room in row}
    rows, chains = [list(row) for row in rows], []
    for upper, lower in sorted(graph.edges):
        between = [(upper, lower, number) for number in range(height[upper] + 1, height[lower])]
        for lane in between:
            rows[lane[2]].append(lane)
        chains.append([upper, *between, lower])
    return rows, chains


def places(rows, chains):
    """{room or lane: x}: each place between its neighbours in the rows above and below, so that few lines cross."""
    above, below = {}, {}
    for chain in chains:
        for upper, lower in pairwise(chain):
            below.setdefault(upper, []).append(lower)
            above.setdefault(lower, []).append(upper)
    x = {place: WIDTH * (i + 1) / (len(row) + 1) for row in rows for i, place in enumerate(row)}
    for turn in range(90):
        for row in rows if turn % 2 == 0 else rows[::-1]:
            # At first one row is sorted by the last one; once the order is good, the lines are made straight.
            side = (above, below)[turn % 2]
            near = {place: side.get(place, []) for place in row}
            if turn >= 30:
                near = {place: above.get(place, []) + below.get(place, []) for place in row}
            wanted = {place: fmean(x[other] for other in near[place] or [place]) for place in row}
            x |= spread(sorted(row, key=lambda place: (wanted[place], str(place))), wanted)
    return x


def spread(row, wanted):
    """{place: x}: near what is wanted, in this order, with no overlap; halfway between pushed right and pushed left."""
    right = pushed(row, wanted)
    left = mirrored(pushed(row[::-1], mirrored(wanted)))
    middle = {place: (left[place] + right[place]) / 2 for place in row}
    return mirrored(pushed(row[::-1], mirrored(pushed(row, middle))))


def pushed(row, wanted):
    """{place: x}: each as wanted, or so far to the right that it clears the margin and the place before."""
    x, edge = {}, MARGIN
    for place in row:
        x[place] = max(wanted[place], edge + width(place) / 2)
        edge = x[place] + width(place) / 2
    return x


def mirrored(x):
    return {place: WIDTH - value for place, value in x.items()}


def width(place):
    return BOX[0] + GAP if isinstance(place, str) else LANE


def draw():
    """The picture as SVG."""
    rows, chains = with_lanes(layers(), imports({room for row in layers() for room in row}))
    x = places(rows, chains)
    y = {place: ROW * number + 40 for number, row in enumerate(rows) for place in row}
    height = ROW * len(rows) + 20
    parts = [f'<rect width="{WIDTH}" height="{height}" fill="#FFFFFF"/>']
    for name in ("course", "helpers"):
        ys = [y[place] for place in y if isinstance(place, str) and place.split(".")[0] == name]
        top, tall = min(ys) - ROW / 2 + 4, max(ys) - min(ys) + ROW - 8
        parts.append(f'<rect x="6" y="{top:g}" width="{WIDTH - 12}" height="{tall:g}" rx="10" fill="{BANDS[name]}"/>')
        parts.append(f'<text x="20" y="{top + 24:g}" font-weight="bold" fill="{LINE}">{name}/</text>')
    parts += [arrow([(x[place], y[place]) for place in chain]) for chain in chains]
    parts += [box(place, x[place], y[place]) for place in y if isinstance(place, str)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13">\n'
        f'<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{LINE}"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def box(room, x, y):
    wide, high = BOX
    path = ROOT.joinpath(*room.split("."))
    name = FACES.get(room) or (f"{path.name}/" if path.is_dir() else f"{path.name}.py")
    weight = ' font-weight="bold"' if room in FACES else ""
    return (
        f'<rect x="{x - wide / 2:.0f}" y="{y - high / 2:.0f}" width="{wide}" height="{high}" rx="6" fill="#FFFFFF" '
        f'stroke="{LINE}"/><text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="{INK}"{weight}>{name}</text>'
    )


def arrow(points):
    """A smooth line from the foot of the first box through the lanes to the head of the last."""
    half = BOX[1] / 2
    (x, y), *_, (end_x, end_y) = points
    path = f"M{x:.0f} {y + half:.0f}"
    for (x, y), (next_x, next_y) in pairwise(points):
        middle = (y + next_y) / 2
        path += f" C{x:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {next_y - half:.0f}"
        if (next_x, next_y) != (end_x, end_y):
            path += f" V{next_y + half:.0f}"  # straight down between the boxes of this row
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.2" marker-end="url(#head)"/>'


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    SVG.write_text(draw(), encoding="utf-8")

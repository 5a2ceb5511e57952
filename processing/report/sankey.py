"""The Sankey diagram of report.html: rows read, to kept, filtered and rejected, to splits (SVG)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.markup import Markup, count, element, share

WIDTH, HEIGHT = 360.0, 190.0
LEFT, MIDDLE, RIGHT, BAR = 0.0, 112.0, 226.0, 10.0
# Room for a label's two lines, whatever the height of its bar.
SLOT, GAP, THINNEST = 28.0, 6.0, 1.5


@dataclass(frozen=True)
class Node:
    """A bar of the picture.

    Attributes:
        x, top, height: in units of the picture.
        kind: names its colour.
    """

    label: str
    rows: int
    kind: str
    x: float
    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


def flow(rows: Mapping[str, Any], splits: Mapping[str, int]) -> Markup:
    """The flow of `rows`, as in report.json, to `splits`."""
    scale = HEIGHT / max(rows["read"], 1)
    read = Node("read", rows["read"], "read", LEFT, 0, HEIGHT)
    [kept] = stacked([("kept", rows["kept"], "kept")], MIDDLE, 0, scale)
    parts = stacked([(name, number, "kept") for name, number in splits.items() if number], RIGHT, 0, scale)
    left_out = [(reason, number, "cut") for reason, number in rows["filtered"].items()]
    left_out += [(reason, number, "lost") for reason, number in rows["rejected"].items()]
    below = max([slot_end(kept), *map(slot_end, parts)]) + GAP
    gone = stacked(sorted(left_out, key=lambda entry: (entry[2], -entry[1])), MIDDLE, below, scale)
    ribbons = [*fan(read, [kept, *gone], scale), *fan(kept, parts, scale)]
    labels = [label(node, rows["read"]) for node in (read, kept, *parts, *gone)]
    bars = [bar(node) for node in (read, kept, *parts, *gone)]
    height = max([HEIGHT, *map(slot_end, (*parts, *gone))]) + 4
    return element(
        "svg", *ribbons, *bars, *labels,
        view_box=f"0 0 {WIDTH:g} {height:.1f}", role="img", aria_label="Rows from those read to the splits",
    )  # fmt: skip


def stacked(entries: Iterable[tuple[str, int, str]], x: float, top: float, scale: float) -> list[Node]:
    """Nodes one below the other, each with room for its label."""
    nodes = []
    for name, rows, kind in entries:
        nodes.append(Node(name, rows, kind, x, top, max(rows * scale, THINNEST)))
        top = slot_end(nodes[-1]) + GAP
    return nodes


def slot_end(node: Node) -> float:
    return node.top + max(node.height, SLOT)


def fan(source: Node, targets: Sequence[Node], scale: float) -> list[Markup]:
    """A ribbon from `source` to each of `targets`, in order."""
    ribbons, start = [], source.top
    for target in targets:
        end = start + target.rows * scale
        ribbons.append(ribbon(source.x + BAR, start, end, target))
        start = end
    return ribbons


def ribbon(x: float, start: float, end: float, target: Node) -> Markup:
    half = (x + target.x) / 2
    path = (
        f"M{x:g} {start:.1f}C{half:g} {start:.1f} {half:g} {target.top:.1f} {target.x:g} {target.top:.1f}"
        f"V{target.bottom:.1f}C{half:g} {target.bottom:.1f} {half:g} {end:.1f} {x:g} {end:.1f}Z"
    )
    return element("path", d=path, class_=f"ribbon fill-{target.kind}")


def bar(node: Node) -> Markup:
    return element(
        "rect", x=f"{node.x:g}", y=f"{node.top:.1f}", width=f"{BAR:g}", height=f"{node.height:.1f}", rx="1.5",
        class_=f"fill-{node.kind}",
    )  # fmt: skip


def label(node: Node, whole: int) -> Markup:
    x = f"{node.x + BAR + 5:g}"
    figures = count(node.rows) if node.rows == whole else f"{count(node.rows)} ({share(node.rows, whole)})"
    name = element("text", node.label, x=x, y=f"{node.top + 11:.1f}", class_="strong")
    return Markup(name + element("text", figures, x=x, y=f"{node.top + 24:.1f}"))

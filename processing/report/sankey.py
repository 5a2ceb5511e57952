"""Layout of the Sankey diagram of report.html: rows read, to kept ones or a reason why not, to splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

HEIGHT = 190.0
LEFT, MIDDLE, RIGHT, BAR = 0, 112, 226, 10
# Room for a label's two lines, whatever the height of its bar.
SLOT, GAP, THINNEST = 28.0, 6.0, 1.5


@dataclass(frozen=True)
class Node:
    """A bar of the diagram.

    Attributes:
        x, top, height: in units of the diagram.
        kind: names its colour.
    """

    label: str
    rows: int
    kind: str
    x: int
    top: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height


@dataclass(frozen=True)
class Ribbon:
    """A band between two nodes. `path` is its outline, as the attribute d of an SVG path; `kind` names its colour."""

    path: str
    kind: str


@dataclass(frozen=True)
class Sankey:
    """What sankey.svg.jinja draws. `rows` are those read, `height` is in units of the diagram."""

    rows: int
    height: float
    nodes: Sequence[Node]
    ribbons: Sequence[Ribbon]
    width: ClassVar[int] = 360
    bar: ClassVar[int] = BAR


def layout(rows: Mapping[str, Any], splits: Mapping[str, int]) -> Sankey:
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
    height = max([HEIGHT, *map(slot_end, (*parts, *gone))]) + 4
    return Sankey(rows["read"], height, [read, kept, *parts, *gone], ribbons)


def stacked(entries: Iterable[tuple[str, int, str]], x: int, top: float, scale: float) -> list[Node]:
    """Nodes one below the other, each with room for its label."""
    nodes = []
    for name, rows, kind in entries:
        nodes.append(Node(name, rows, kind, x, top, max(rows * scale, THINNEST)))
        top = slot_end(nodes[-1]) + GAP
    return nodes


def slot_end(node: Node) -> float:
    return node.top + max(node.height, SLOT)


def fan(source: Node, targets: Sequence[Node], scale: float) -> list[Ribbon]:
    """A ribbon from `source` to each of `targets`, in order."""
    ribbons, start = [], source.top
    for target in targets:
        end = start + target.rows * scale
        ribbons.append(Ribbon(outline(source.x + BAR, start, end, target), target.kind))
        start = end
    return ribbons


def outline(x: int, start: float, end: float, target: Node) -> str:
    """The path from x, between `start` and `end`, to the left edge of `target` and back."""
    half = (x + target.x) / 2
    return (
        f"M{x} {start:.1f}C{half:g} {start:.1f} {half:g} {target.top:.1f} {target.x} {target.top:.1f}"
        f"V{target.bottom:.1f}C{half:g} {target.bottom:.1f} {half:g} {end:.1f} {x} {end:.1f}Z"
    )

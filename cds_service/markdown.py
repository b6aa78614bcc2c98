"""The Markdown that cards use (paragraphs, lists, tables, strong, emphasis, code), for the page and the terminal.

Everything is escaped: what a card says may come from a chart, and nothing in it becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from markupsafe import Markup, escape

_INLINE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|&(?P<entity>lt|gt|amp);"
    r"|\*\*(?P<strong>(?:\\.|[^*])+)\*\*"
    r"|\*(?P<em>(?:\\.|[^*])+)\*"
    r"|`(?P<code>[^`]+)`"
)
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&"}
_CELL_EDGE = re.compile(r"(?<!\\)\|")


class Paragraph(msgspec.Struct, frozen=True):
    text: str


class Items(msgspec.Struct, frozen=True):
    items: list[str]


class Grid(msgspec.Struct, frozen=True):
    """A table. ``right``: for each column, whether it is set to the right."""

    head: list[str]
    rows: list[list[str]]
    right: list[bool]


Block = Paragraph | Items | Grid


def blocks(markdown: str) -> Iterator[Block]:
    """The blocks of a text, their inline markup still in them."""
    for part in re.split(r"\n\s*\n", markdown.strip()):
        lines = part.splitlines()
        while lines:
            kind = _kind(lines[0])
            several = [line for line in _take(lines, kind)]
            if kind == "item":
                yield Items([line.strip()[2:] for line in several])
            elif kind == "row":
                yield _grid(several)
            else:
                yield Paragraph(" ".join(line.strip() for line in several))


def _kind(line: str) -> str:
    text = line.lstrip()
    return "item" if text.startswith(("- ", "* ")) else "row" if text.startswith("|") else "text"


def _take(lines: list[str], kind: str) -> Iterator[str]:
    while lines and _kind(lines[0]) == kind:
        yield lines.pop(0)


def _grid(lines: list[str]) -> Grid:
    rows = [[cell.strip() for cell in _CELL_EDGE.split(line.strip())[1:-1]] for line in lines]
    marks = rows[1] if len(rows) > 1 else []
    return Grid(rows[0], rows[2:], [mark.endswith(":") and not mark.startswith(":") for mark in marks])


def plain(text: str) -> str:
    """Inline Markdown without its marks."""
    return _INLINE.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    kind, inner = _only(match)
    if kind == "entity":
        return _ENTITIES[inner]
    return inner if kind in ("escaped", "code") else plain(inner)


def html(markdown: str) -> Markup:
    """Markdown as safe HTML."""
    return Markup("\n").join(_block(block) for block in blocks(markdown))


def _block(block: Block) -> Markup:
    if isinstance(block, Paragraph):
        return Markup("<p>{}</p>").format(inline(block.text))
    if isinstance(block, Items):
        items = Markup("").join(Markup("<li>{}</li>").format(inline(item)) for item in block.items)
        return Markup("<ul>{}</ul>").format(items)
    head = _row(block.head, block.right, Markup('<th scope="col"{}>{}</th>'))
    rows = Markup("").join(_row(row, block.right, Markup("<td{}>{}</td>")) for row in block.rows)
    return Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(head, rows)


def _row(cells: list[str], right: list[bool], cell: Markup) -> Markup:
    sides = [Markup(' class="number"') if side else Markup("") for side in right] + [Markup("")] * len(cells)
    told = Markup("").join(cell.format(side, inline(text)) for text, side in zip(cells, sides, strict=False))
    return Markup("<tr>{}</tr>").format(told)


def inline(text: str) -> Markup:
    """Inline Markdown as safe HTML."""
    parts, end = [], 0
    for match in _INLINE.finditer(text):
        parts += [escape(text[end : match.start()]), _marked(match)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _marked(match: re.Match[str]) -> Markup:
    kind, inner = _only(match)
    if kind == "strong":
        return Markup("<strong>{}</strong>").format(inline(inner))
    if kind == "em":
        return Markup("<em>{}</em>").format(inline(inner))
    if kind == "code":
        return Markup("<code>{}</code>").format(inner)
    return escape(_ENTITIES[inner] if kind == "entity" else inner)


def _only(match: re.Match[str]) -> tuple[str, str]:
    kind = match.lastgroup or ""
    return kind, match[kind]

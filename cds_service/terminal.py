"""Text for a terminal: how wide it is, how it is wrapped, how a table is set. Chinese characters are two cells wide."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

_WIDEST, _NARROWEST = 96, 40
_CLOSING = "，。、；：？！）」』】》〉％…,.;:?!)]}%"
_OPENING = "（「『【《〈([{"
_PIECE = re.compile(r"\s+|[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]+|.")


def columns() -> int:
    """How wide to write: the terminal, within what the eye can follow."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))


def cells(text: str) -> int:
    """How many cells a text takes."""
    return sum(_cells_of(letter) for letter in text)


def _cells_of(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Cf", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def wrap(text: str, width: int, *, first: str = "", then: str | None = None) -> list[str]:
    """The lines of a text, none wider than ``width``; ``first`` begins the first line, ``then`` the others."""
    then = " " * cells(first) if then is None else then
    lines, line = [], first
    empty = True
    for piece in _pieces(text):
        if piece.isspace():
            line += "" if empty else " "
            continue
        if not empty and cells(line) + cells(piece) > width:
            lines.append(line.rstrip())
            line = then
        for part in _broken(piece, width - cells(line)):
            if part is None:
                lines.append(line)
                line = then
            else:
                line += part
        empty = False
    return [*lines, line.rstrip()]


def _pieces(text: str) -> Iterator[str]:
    """What stays together: a word, a Chinese character, and either with the marks that may not stand alone."""
    held = ""
    for piece in _PIECE.findall(text.strip()):
        if piece.isspace():
            if held:
                yield held
            held = ""
            yield piece
        elif held and (piece[0] in _CLOSING or held[-1] in _OPENING):
            held += piece
        else:
            if held:
                yield held
            held = piece
    if held:
        yield held


def _broken(piece: str, room: int) -> Iterator[str | None]:
    """A piece too long for any line, in parts; None stands for a new line."""
    if cells(piece) <= room or room < 10:
        yield piece
        return
    begun = taken = 0
    for index, letter in enumerate(piece):
        if index > begun and taken + _cells_of(letter) > room:
            yield from (piece[begun:index], None)
            begun, taken = index, 0
        taken += _cells_of(letter)
    yield piece[begun:]


def pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def table(
    rows: Sequence[Sequence[str]], width: int, *, right: Iterable[int] = (), indent: str = "", gap: int = 2
) -> list[str]:
    """Rows as aligned columns. ``right``: columns of numbers.

    Where they do not fit, the widest columns are wrapped, the first one last: it is what a reader looks for.
    """
    if not rows:
        return []
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    room = width - cells(indent) - gap * (len(widths) - 1)
    for least, columns in ((12, range(1, len(widths))), (8, range(len(widths)))):
        while sum(widths) > room and (wide := [column for column in columns if widths[column] > least]):
            widths[max(wide, key=lambda column: widths[column])] -= 1
    aligned = set(right)
    lines = []
    for row in rows:
        wrapped = [wrap(text, size) for text, size in zip(row, widths, strict=True)]
        for level in range(max(len(cell) for cell in wrapped)):
            told = [
                pad(cell[level] if level < len(cell) else "", size, right=column in aligned)
                for column, (cell, size) in enumerate(zip(wrapped, widths, strict=True))
            ]
            lines.append((indent + (" " * gap).join(told)).rstrip())
    return lines

"""The Markdown of cards: its marks, and that nothing in it becomes markup of its own (cds-hooks C9)."""

import pytest

from cards.text import escaped
from cds_service.markdown import Grid, Items, Paragraph, blocks, html, inline, plain

DETAIL = """| Item | Points |
|---|---:|
| Pain \\| severe | 3 |

Two lines
of one paragraph
- first
- **second** `mirels`

*closing*"""


def test_blocks():
    assert list(blocks(DETAIL)) == [
        Grid(["Item", "Points"], [["Pain \\| severe", "3"]], [False, True]),
        Paragraph("Two lines of one paragraph"),
        Items(["first", "**second** `mirels`"]),
        Paragraph("*closing*"),
    ]


def test_html():
    assert html(DETAIL) == (
        '<table><thead><tr><th scope="col">Item</th><th scope="col" class="number">Points</th></tr></thead>'
        '<tbody><tr><td>Pain | severe</td><td class="number">3</td></tr></tbody></table>\n'
        "<p>Two lines of one paragraph</p>\n"
        "<ul><li>first</li><li><strong>second</strong> <code>mirels</code></li></ul>\n"
        "<p><em>closing</em></p>"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<b id=x>",
        "<script>alert(1)</script>",
        "&lt;script&gt;",
        "a & b",
        "\"'>",
        "**<i>**",
        "`<i>`",
        "*<i>*",
        "<i> then **strong**",
        "`code` then <i>",
    ],
)
def test_c9_nothing_becomes_markup(text):
    for tag in ("<b", "<script", "<i"):
        assert tag not in inline(text) and tag not in html(f"- {text}") and tag not in html(f"|{text}|")


@pytest.mark.parametrize("text", ["<b>1*2*3</b>", "a_b_c [x](y) | z", "back\\slash `tick`", "x & y < z > w", "~~no~~"])
def test_what_the_cards_escape_is_read_as_it_was(text):
    assert plain(escaped(text)) == text


def test_an_empty_text():
    assert list(blocks("")) == [] or html("") in ("", "<p></p>")

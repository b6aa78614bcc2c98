"""Prints the documentation that the code can print: the catalogue pages, the README's blocks, the sign-off list.

    python -m tools.docs            # write
    python -m tools.docs --check    # say what lags, change nothing, exit 1 if anything does

A page is printed from the table it describes, so it cannot say anything else. ``tests/test_docs.py`` runs the check.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from cards.activities import definitions, text_of
from cards.advice import INDICATOR_ORDER
from cards.advisory import Advisory
from cards.catalogue import Catalogue, load_catalogue
from cards.table import Band, Limit, Source
from cards.text import CHINESE, ENGLISH, LANGUAGES, Text, said
from fhir_mappings.ranges import plain
from tests import forms
from tools import traceability

ROOT = Path(__file__).parent.parent
FOLDER = {ENGLISH: "en", CHINESE: "zh"}

HEAD = {
    "for": Text("What for", "用途"),
    "not_for": Text("Not for", "不适用"),
    "hooks": Text("Speaks at", "触发时机"),
    "reads": Text("Reads", "读取"),
    "asks": Text("Heeds", "参考其他提示"),
    "states": Text("Also speaks when", "另在以下状态提示"),
    "review": Text("Review", "审核状态"),
    "score": Text("Score", "评分"),
    "bands": Text("What it may say", "提示内容"),
    "numbers": Text("Numbers and settings", "数值与配置"),
    "sources": Text("Sources", "来源"),
    "notes": Text("Sentences it may add", "可附加说明"),
    "signature": Text("Needs a clinician's signature", "需临床医生确认"),
    "example": Text("Worked example", "示例"),
}

REPEAT = {
    "always": Text("never held back after an override", "被拒绝后仍会提示"),
    "once": Text("said once for the same inputs", "相同依据仅提示一次"),
    "days": Text("at most once in {days} days ({hooks})", "{days}天内最多提示一次（{hooks}）"),
}


def pages() -> dict[Path, str]:
    """Every printed file with its text."""
    catalogue = load_catalogue()
    found: dict[Path, str] = {}
    for advisory in catalogue.advisories.values():
        for language in LANGUAGES:
            path = ROOT / "docs" / "advisories" / FOLDER[language] / f"{advisory.id}.md"
            found[path] = "\n".join(page(advisory, language)) + "\n"
    found[ROOT / "docs" / "advisories" / "README.md"] = "\n".join(index(catalogue)) + "\n"
    found[ROOT / "docs" / "forms.md"] = forms.page()
    found[ROOT / "docs" / "sign-off.md"] = "\n".join(sign_off(catalogue)) + "\n"
    found[ROOT / "docs" / "coverage.md"] = "\n".join(coverage(catalogue)) + "\n"
    found[ROOT / "docs" / "traceability.md"] = traceability.page()
    found[ROOT / "README.md"] = readme(catalogue)
    return found


def page(advisory: Advisory, language: str) -> Iterator[str]:
    """The catalogue page of one advisory in one language."""
    table = advisory.table
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    yield f"# {table.title.say(language)}"
    yield ""
    yield f"`{advisory.id}` · [{'中文' if other == CHINESE else 'English'}](../{FOLDER[other]}/{advisory.id}.md)"
    yield ""
    yield f"**{_head('for', language)}.** {table.purpose.say(language)}"
    yield ""
    yield f"**{_head('not_for', language)}.** {table.not_for.say(language)}"
    yield ""
    yield from _facts(advisory, language)
    if table.score:
        yield from _score(advisory, language)
    yield from _bands(advisory, language)
    if table.note:
        yield from ["", f"## {_head('notes', language)}", ""]
        yield from [
            f"- {note.say(language)}" + (f" [{note.source}]" if note.source else "") for note in table.note.values()
        ]
    if table.limit or any(band.setting for band in table.band.values()):
        yield from _numbers(advisory, language)
    yield from ["", f"## {_head('sources', language)}", ""]
    for name, source in table.sources.items():
        yield f"- **{name}**: {_cite(source, language)}"
        if source.says:
            yield f"  {source.says.say(language)}"
    if table.signature:
        yield from ["", f"## {_head('signature', language)}", ""]
        yield from [f"- {decision.say(language)}" for decision in table.signature]
    yield from _example(advisory, language)


def _facts(advisory: Advisory, language: str) -> Iterator[str]:
    table = advisory.table
    keys = sorted({key for kind in advisory.reads for key in kind.keys})
    yield from ["| | |", "|---|---|"]
    yield f"| {_head('hooks', language)} | {', '.join(f'`{hook}`' for hook in advisory.hooks)} |"
    yield f"| {_head('reads', language)} | {', '.join(f'`{key}`' for key in keys)} |"
    if advisory.asks:
        links = ", ".join(f"[{asked}]({asked}.md)" for asked in advisory.asks)
        yield f"| {_head('asks', language)} | {links} |"
    if table.speaks_when:
        yield f"| {_head('states', language)} | {', '.join(f'`{state}`' for state in table.speaks_when)} |"
    yield f"| {_head('review', language)} | {table.review.state} |"


def _score(advisory: Advisory, language: str) -> Iterator[str]:
    yield from ["", f"## {_head('score', language)}"]
    for item in advisory.table.score.values():
        yield from ["", f"**{item.label.say(language)}** [{item.source}]", "", "| | |", "|---|---:|"]
        yield from [f"| {option.say(language)} | {option.points} |" for option in item.options.values()]


def _bands(advisory: Advisory, language: str) -> Iterator[str]:
    yield from ["", f"## {_head('bands', language)}"]
    for band in advisory.table.band.values():
        yield from ["", f"### {band.name}{_start(band)} · {_indicator(band)}", ""]
        if band.summary:
            yield f"> {band.summary.say(language)}"
            yield ""
        for bullet in band.bullets:
            yield f"- {bullet.say(language)}" + (f" [{bullet.source}]" if bullet.source else "")
        for name in band.suggest:
            yield f"- → {text_of(definitions()[name], 'title').say(language)}"
        if told := _repeat(band, language):
            yield f"- ↻ {told}"


def _repeat(band: Band, language: str) -> str:
    """How often the band may be said again, where the service remembers."""
    if band.repeat.always:
        return REPEAT["always"].say(language)
    if band.repeat.once:
        return REPEAT["once"].say(language)
    if band.repeat.days:
        return REPEAT["days"].fill(language, {"days": band.repeat.days, "hooks": ", ".join(band.repeat.hooks) or "*"})
    return ""


def _start(band: Band) -> str:
    if band.from_ is not None:
        return f" (≥ {plain(band.from_)})"
    return f" (> {plain(band.above)})" if band.above is not None else ""


def _indicator(band: Band) -> str:
    if band.silent:
        return "silent" + (f" (unless `{band.speaks_if}`)" if band.speaks_if else "")
    there = [f"{indicator} at {hook}" for hook, indicator in band.indicator_at.items()]
    return ", ".join([band.indicator, *there])


def _numbers(advisory: Advisory, language: str) -> Iterator[str]:
    yield from ["", f"## {_head('numbers', language)}", "", "| | | | |", "|---|---:|---|---|"]
    for name, limit in advisory.table.limit.items():
        label = limit.label.say(language) if limit.label else f"`{name}`"
        yield f"| {label} | {_value(limit)} | {_setting(limit.setting)} | {limit.source} |"
    for band in advisory.table.band.values():
        if band.setting:
            yield f"| `{band.name}` | {_start(band).strip(' ()')} | {_setting(band.setting)} | {band.source} |"


def _value(limit: Limit) -> str:
    value = limit.value
    shown = (
        "-".join(str(part) for part in value)
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return f"{shown} {limit.unit}" if limit.unit else shown


def _setting(name: str | None) -> str:
    return f"`thresholds.{name}`" if name else ""


def _cite(source: Source, language: str) -> str:
    cite = said(source.cite, language)
    return f"[{cite}]({source.link})" if source.link else cite


def _example(advisory: Advisory, language: str) -> Iterator[str]:
    recorded = ROOT / "examples" / advisory.id / f"card.{language}.json"
    if not recorded.exists():
        return
    cards = msgspec.json.decode(recorded.read_bytes())["cards"]
    card = next(card for card in cards if card["source"]["topic"]["code"] == advisory.id)
    yield from ["", f"## {_head('example', language)}", ""]
    yield f"[`examples/{advisory.id}/request.json`](../../../examples/{advisory.id}/request.json)"
    yield ""
    yield f"> **{card['indicator']}** · {card['summary']}"
    yield ">"
    yield from [f"> {line}".rstrip() for line in card["detail"].splitlines()]


def _head(name: str, language: str) -> str:
    return HEAD[name].say(language)


# -- pages about all of them -------------------------------------------------------------------------------------


def index(catalogue: Catalogue) -> Iterator[str]:
    yield from ["# The advisories / 提示目录", ""]
    yield "Printed from the tables beside the rules (`make docs`). English and Chinese pages say the same."
    for theme, texts in catalogue.theme_texts.items():
        advisories = catalogue.of(theme)
        if not advisories:
            continue
        yield from [
            "",
            f"## {texts.title.en} · {texts.title.zh}",
            "",
            texts.description.en,
            "",
            "| | | | | |",
            "|---|---|---|---|---|",
        ]
        yield from [_row(advisory, "") for advisory in advisories]


def _row(advisory: Advisory, folder: str) -> str:
    pages = f"[{advisory.id}]({folder}en/{advisory.id}.md) · [中文]({folder}zh/{advisory.id}.md)"
    hooks = ", ".join(advisory.hooks)
    title = f"{advisory.title.en}<br>{advisory.title.zh}"
    return f"| {pages} | {title} | {hooks} | {max_indicator(advisory)} | {advisory.table.priority} |"


def max_indicator(advisory: Advisory) -> str:
    """The most urgent indicator a table can give by itself (a rule may raise or lower it)."""
    found = [name for band in advisory.table.band.values() for name in (band.indicator, *band.indicator_at.values())]
    return min(found, key=INDICATOR_ORDER.__getitem__)


def sign_off(catalogue: Catalogue) -> Iterator[str]:
    yield from ["# Decisions that need a clinician's signature / 需临床医生签字确认的决定", ""]
    yield "No rule has been reviewed yet: every advisory is a draft. These decisions shape what a clinician sees and"
    yield "wait for a named reviewer. A reviewed advisory says so in its table (`[review]`) and on its cards."
    yield from ["", "| advisory | decision | 决定 | state |", "|---|---|---|---|"]
    for advisory in catalogue.advisories.values():
        for decision in advisory.table.signature:
            yield f"| {_link(advisory)} | {decision.en} | {decision.zh} | {advisory.table.review.state} |"
    yield from ["", "## Decisions across advisories", "", "| decision | 决定 |", "|---|---|"]
    for entry in tomllib.loads((ROOT / "docs" / "sign-off.toml").read_text("utf-8"))["decision"]:
        yield f"| {entry['en']} | {entry['zh']} |"
    yield from ["", "## Review state of every advisory", "", "| advisory | state | by | on |", "|---|---|---|---|"]
    for advisory in catalogue.advisories.values():
        review = advisory.table.review
        yield f"| {_link(advisory)} | {review.state} | {review.by or ''} | {review.on or ''} |"


def coverage(catalogue: Catalogue) -> Iterator[str]:
    """Every row of the clinical specification: its advisory, its cases, its example; or where else it lives."""
    rows = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text("utf-8"))
    yield from ["# Coverage of the clinical specification", ""]
    yield f"{len(rows)} rows, printed from `docs/coverage.toml` and the code; `tests/test_coverage.py` checks it."
    yield from ["", "| row | priority | lives in | cases | example |", "|---|---|---|---:|---|"]
    for name, row in rows.items():
        if "advisory" not in row:
            places = ", ".join(f"`{place}`" for place in row["where"])
            yield f"| {name} | {row.get('priority', '')} | {row['kind']}: {places}. {row['why']} | | |"
            continue
        advisory = catalogue.advisories[row["advisory"]]
        stem = advisory.id.replace("-", "_")
        cases = tomllib.loads((ROOT / "tests" / "cases" / f"{stem}.toml").read_text("utf-8"))["case"]
        example = f"[request](../examples/{advisory.id}/request.json)"
        yield f"| {name} | {row['priority']} | {_link(advisory)} | {len(cases)} | {example} |"


def _link(advisory: Advisory) -> str:
    return f"[{advisory.id}](advisories/en/{advisory.id}.md)"


# -- the README's printed blocks -----------------------------------------------------------------------------------


def readme(catalogue: Catalogue) -> str:
    """README.md with every block between ``<!-- printed: NAME -->`` and ``<!-- end -->`` printed anew."""
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = {
        "try-en": "```console\n$ osteohooks try mirels\n" + _command("try", "mirels") + "```",
        "try-zh": "```console\n$ osteohooks try mirels --lang zh-Hans\n"
        + _command("try", "mirels", "--lang", "zh-Hans")
        + "```",
        "catalogue": "\n".join(_catalogue_block(catalogue)),
    }

    def printed(match: re.Match[str]) -> str:
        return f"<!-- printed: {match[1]} -->\n{blocks[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- printed: ([a-z-]+) -->\n.*?<!-- end -->", printed, text, flags=re.DOTALL)


def _catalogue_block(catalogue: Catalogue) -> Iterator[str]:
    count, themes = len(catalogue.advisories), len(catalogue.themes())
    yield f"{count} advisories in {themes} themes; every one is a draft until a clinician signs it."
    yield from ["", "| advisory | what it watches · 内容 | at most |", "|---|---|---|"]
    for advisory in catalogue.advisories.values():
        link = f"[`{advisory.id}`](docs/advisories/en/{advisory.id}.md)"
        yield f"| {link} | {advisory.title.en} · {advisory.title.zh} | {max_indicator(advisory)} |"


def _command(*arguments: str) -> str:
    """What the command prints, as it prints it on an 80-column terminal."""
    from click.testing import CliRunner

    from cds_service.cli import osteohooks

    result = CliRunner().invoke(osteohooks, list(arguments), env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines()) + "\n"


def main(arguments: list[str]) -> int:
    lagging = [path for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text]
    stale = _stale(pages())
    for path in [*lagging, *stale]:
        print(path.relative_to(ROOT))
    if "--check" in arguments:
        return 1 if lagging or stale else 0
    for path in stale:
        path.unlink()
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


def _stale(printed: dict[Path, str]) -> list[Path]:
    """Pages of advisories that are no more."""
    return [path for path in sorted((ROOT / "docs" / "advisories").glob("*/*.md")) if path not in printed]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""All advisories, found by walking the theme folders: there is no registry to edit.

A theme is a folder of ``cards`` with a ``theme.toml``; an advisory is a TOML table with the Python rule of the same
stem beside it. Deleting the two files removes it.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cards.advisory import HOOKS, Advisory, Mark
from cards.settings import Setting, problem_with
from cards.table import Cells, Limit, TableError, load_facts, load_table, settings_of
from cards.text import Text

HERE = Path(__file__).parent


class Theme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A folder of advisories and a CDS service a hook."""

    title: Text
    description: Text


class GeneralSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: Any
    why: Text
    allowed: list[Any] | None = None


class Catalogue:
    """Every advisory with its table, the themes, the fact tables and the settings in force."""

    def __init__(
        self,
        advisories: dict[str, Advisory],
        themes: dict[str, Theme],
        tables: dict[str, Cells],
        settings: dict[str, Any],
    ) -> None:
        self.advisories = advisories
        self.theme_texts = themes
        self.tables: dict[str, Cells] = tables | {advisory.id: advisory.table for advisory in advisories.values()}
        self.settings = settings
        self._of = {
            (theme, hook): tuple(
                advisory
                for advisory in advisories.values()
                if theme in (None, advisory.theme) and hook in (None, *advisory.hooks)
            )
            for theme in (None, *themes)
            for hook in (None, *HOOKS)
        }

    def themes(self) -> dict[str, tuple[str, ...]]:
        """Each theme with the hooks at which any of its advisories speaks."""
        return {
            theme: tuple(sorted({hook for advisory in self.of(theme) for hook in advisory.hooks}, key=HOOKS.index))
            for theme in self.theme_texts
            if any(self.of(theme))
        }

    def of(self, theme: str | None, hook: str | None = None) -> tuple[Advisory, ...]:
        """The advisories of a theme (None: of all), at a hook (None: at any)."""
        return self._of.get((theme, hook), ())

    def keys(self, theme: str | None, hook: str) -> tuple[str, ...]:
        """The prefetch keys a call needs: of what its advisories read and of those they ask (ruling 39)."""
        asked = {name for advisory in self.of(theme, hook) for name in self._with_asked(advisory.id)}
        kinds = {kind for name in asked for kind in self.advisories[name].reads}
        return tuple(sorted({"patient", "conditions", "encounter"} | {key for kind in kinds for key in kind.keys}))

    def _with_asked(self, name: str) -> set[str]:
        found, waiting = set(), [name]
        while waiting:
            current = waiting.pop()
            if current not in found and current in self.advisories:
                found.add(current)
                waiting.extend(self.advisories[current].asks)
        return found


def load_catalogue(settings: Mapping[str, Setting] | None = None, off: Sequence[str] = ()) -> Catalogue:
    """Reads every theme, table and rule. ``settings``: the site's thresholds; ``off``: advisory ids not to load.

    Raises TableError when a table, a rule or a setting is not right, with what to write instead.
    """
    given = dict(settings or {})
    general = _general_settings()
    themes = {name: theme for name, theme in _themes()}
    advisories = {}
    for folder in themes:
        package = folder.replace("-", "_")
        for path in sorted((HERE / package).glob("*.toml")):
            if path.stem != "theme":
                advisory = _advisory(package, path, given)
                advisories[advisory.id] = advisory
    facts = {path.stem: load_facts(path, given) for path in sorted((HERE / "facts").glob("*.toml"))}
    _check_settings(given, general, [advisory.table for advisory in advisories.values()] + list(facts.values()))
    _check_names(advisories, off)
    kept = {name: advisory for name, advisory in advisories.items() if name not in off}
    tables = [*(advisory.table for advisory in kept.values()), *facts.values()]
    cells = {
        name: cell.value for table in tables for name, cell in settings_of(table).items() if isinstance(cell, Limit)
    }
    values = {name: setting.value for name, setting in general.items()} | cells | given
    # An advisory that is switched off says nothing, yet the numbers of its table stay there for those that share them.
    shared: dict[str, Cells] = facts | {advisory.id: advisory.table for advisory in advisories.values()}
    return Catalogue(kept, themes, shared, values)


def _themes() -> Iterator[tuple[str, Theme]]:
    for path in sorted(HERE.glob("*/theme.toml")):
        try:
            yield path.parent.name.replace("_", "-"), msgspec.convert(tomllib.loads(path.read_text("utf-8")), Theme)
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise TableError(f"{path.parent.name}/theme.toml: {error}") from None


def _advisory(package: str, path: Path, settings: Mapping[str, Setting]) -> Advisory:
    table = load_table(path, settings)
    try:
        module = importlib.import_module(f"cards.{package}.{path.stem}")
    except ModuleNotFoundError as error:
        raise TableError(f"{path.name} has no rule beside it. Write {path.stem}.py ({error}).") from None
    rule = getattr(module, path.stem, None)
    mark: Mark | None = getattr(rule, "mark", None)
    if rule is None or mark is None:
        raise TableError(f"{path.stem}.py has no rule. Write a function {path.stem} marked with @advisory(...).")
    return Advisory(
        path.stem.replace("_", "-"), package.replace("_", "-"), mark.hooks, mark.reads, mark.asks, rule, table
    )


def _general_settings() -> dict[str, GeneralSetting]:
    content = tomllib.loads((HERE / "settings.toml").read_text("utf-8"))
    return msgspec.convert(content, dict[str, GeneralSetting])


def _check_settings(
    given: Mapping[str, Setting], general: Mapping[str, GeneralSetting], tables: Sequence[Cells]
) -> None:
    cells: dict[str, Any] = dict(general)
    for table in tables:
        cells |= settings_of(table)
    for name, value in given.items():
        if name not in cells:
            raise TableError(f"thresholds.{name} is not a setting. Write one of: {', '.join(sorted(cells))}.")
        if name in general:
            problem = problem_with(name, value, general[name].value, allowed=general[name].allowed)
            if problem:
                raise TableError(problem)


def _check_names(advisories: Mapping[str, Advisory], off: Sequence[str]) -> None:
    for name in off:
        if name not in advisories:
            raise TableError(f'advisories.off names "{name}". Write one of: {", ".join(sorted(advisories))}.')
    for advisory in advisories.values():
        for asked in advisory.asks:
            if asked not in advisories:
                raise TableError(f'{advisory.id} asks "{asked}", which is no advisory. Write one that is.')

"""Each form of ``tests/forms.py`` reads as its plain twin; ``docs/forms.md`` is the table of them."""

from __future__ import annotations

import pytest

from tests.forms import KINDS, Form, forms, meaning, read

FORMS = forms()


@pytest.mark.parametrize("form", FORMS, ids=[f"{form.kind}: {form.name}" for form in FORMS])
def test_a_form_reads_as_its_plain_twin(form: Form) -> None:
    plain = meaning(read(form.twin))
    assert plain
    assert meaning(read(form.resources)) == plain


def test_each_kind_names_a_form_once() -> None:
    named = [(form.kind, form.name) for form in FORMS]
    assert len(named) == len(set(named))
    assert {kind for kind, _ in named} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_two_facts_do_not_read_alike(kind: str) -> None:
    """What is compared tells facts apart: another day is another meaning."""
    plain = next(form for form in FORMS if form.kind == kind).resources
    other = next(form for form in FORMS if form.kind == kind and form.name == "partial date").resources
    assert meaning(read(plain)) != meaning(read(other))

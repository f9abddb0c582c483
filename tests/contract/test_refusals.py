"""Every refusal has a code, a status and a sentence in German and English that says what to do."""

import re
from string import Formatter

from tests.contract.source import import_all, modules
from verbund.base.refusal import LANGUAGES, Refusal, all_refusals, sentences

STATUSES = {400, 401, 403, 404, 408, 409, 410, 411, 412, 413, 415, 416, 422, 429, 500, 502, 503, 507}
_CODE = re.compile(r"([a-z]+)\.[a-z][a-z0-9_]*")
SENTENCE_MIN = 12


def refusals() -> list[type[Refusal]]:
    import_all()
    own = {kind for kind in all_refusals() if kind.__module__.startswith("verbund.")}
    return sorted(own, key=lambda kind: (kind.__module__, kind.__name__))


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_each_says_what_to_do_in_both_languages() -> None:
    wrong = [f"{kind.__module__}.{kind.__name__}: {what}" for kind in refusals() for what in faults(sentences(kind))]
    assert not wrong, "docstring: a line `de: …` and a line `en: …`\n" + "\n".join(wrong)


def faults(said: dict[str, str]) -> list[str]:
    """What is wrong with a refusal's sentences."""
    if set(said) != set(LANGUAGES):
        return [f"only {sorted(said)}"]
    found = [f"too short: {text}" for text in said.values() if len(text) < SENTENCE_MIN]
    found += [f"exclamation mark: {text}" for text in said.values() if "!" in text]
    gaps = {language: {re.sub(f"_{language}$", "", name) for name in fields_of(said[language])} for language in said}
    return [*found, *(["different gaps"] if gaps["de"] != gaps["en"] else [])]


def test_each_code_names_its_part() -> None:
    parts = {module.part for module in modules()}
    wrong = [
        f"{kind.__module__}.{kind.__name__}: {kind.code} {kind.status}"
        for kind in refusals()
        for match in [_CODE.fullmatch(kind.code)]
        if match is None or match[1] not in parts or kind.status not in STATUSES
    ]
    assert not wrong, "`part.adjective`, and a status that is known:\n" + "\n".join(wrong)


def test_a_code_means_one_thing() -> None:
    own = [kind for kind in refusals() if "code" in kind.__dict__]
    codes = [kind.code for kind in own]
    twice = {code: [kind.__name__ for kind in own if kind.code == code] for code in codes if codes.count(code) > 1}
    assert not twice

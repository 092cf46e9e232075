"""Finding personal data in training lines: known identifiers word by word, and contact details by their form.

Texts are compared as words: case, punctuation, full-width and invisible characters make no difference. An identifier
is found where all its words follow one another. It needs a telling word: one that the project's own code never uses,
with more than two ASCII characters, and not a number of fewer than eight digits. Otherwise a person called "sleep" or
a record called "12" would be found in every line. Package names that are shown on purpose are passed over.

Where the identifiers come from is known to known_identifiers.py.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import health_etl
from health_etl.days.source_labels import PACKAGE_NAME

MIN_LETTERS = 3  # of a telling word in ASCII; a name of two characters may be whole in other scripts
MIN_DIGITS = 8  # of a telling number; no figure in a text has as many

Words = tuple[str, ...]
Suspects = dict[str, list[tuple[str, Words]]]  # kind and words of each identifier, by its first word

_WORD = re.compile(r"[^\W_]+")
_SHOWN = re.compile(rf"(?<![\w@.-]){PACKAGE_NAME}(?![\w@-])", re.ASCII)
_OWN_CODE = ("clinical", "insights", "record_types", "training")  # whatever a line says is written there
_PATTERNS = {
    "e-mail address": re.compile(r"[^\s@]@[^\s@]"),
    "web address": re.compile(r"://|\bwww\.", re.IGNORECASE),
    "telephone number": re.compile(r"\+\d(?:[ ()/.-]{0,2}\d){6}|(?<![\w.,:–-])0\d(?:[ ()/-]?\d){7}|\d{3}-\d{3}-\d{4}"),
    "lake path": re.compile(r"\braw/|\.avro\b", re.IGNORECASE),
}


def words(text: str) -> list[str]:
    """Return the words of a text, in order and in one spelling."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(one for one in text if unicodedata.category(one) != "Cf")
    return _WORD.findall(text.casefold())


def is_telling(word: str) -> bool:
    """Return whether a word can give an identifier away."""
    if word in _own_words():
        return False
    if word.isdigit():
        return len(word) >= MIN_DIGITS
    return not word.isascii() or len(word) >= MIN_LETTERS


@lru_cache(maxsize=64)  # a day's lines share their input
def telling_words(text: str) -> frozenset[str]:
    """Return the words of a text that could belong to an identifier: none, as a rule."""
    return frozenset(filter(is_telling, set(words(_SHOWN.sub(" ", text)))))


@lru_cache(maxsize=64)
def contact_details(text: str) -> frozenset[str]:
    """Return the kinds of contact details that a text seems to hold."""
    return frozenset(kind for kind, pattern in _PATTERNS.items() if pattern.search(text))


def suspects(identifiers: Iterable[tuple[str, str]], seen: frozenset[str] | set[str]) -> Suspects:
    """Return those identifiers (kind, text) whose telling words, at least one, have all been seen."""
    found: Suspects = defaultdict(list)
    for kind, text in identifiers:
        own = tuple(words(text))
        telling = set(filter(is_telling, own))
        if telling and telling <= seen:
            found[own[0]].append((kind, own))
    return found


def kinds_in(text: str, wanted: Suspects) -> set[str]:
    """Return the kinds of the identifiers that a text holds."""
    own = words(_SHOWN.sub(" ", text))
    return {
        kind
        for place, word in enumerate(own)
        for kind, identifier in wanted.get(word, ())
        if tuple(own[place : place + len(identifier)]) == identifier
    }


def strings(value: object) -> Iterator[str]:
    """Yield every string in a parsed line, names included; a string that is JSON itself is looked into."""
    if isinstance(value, str):
        inner = _parsed(value) if value[:1] in ("{", "[") else None
        if inner is None:
            yield value
        else:
            yield from strings(inner)
    elif isinstance(value, dict):
        yield from value
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


@cache
def _own_words() -> frozenset[str]:
    root = Path(health_etl.__file__).parent
    sources = (path.read_text(encoding="utf-8") for name in _OWN_CODE for path in sorted((root / name).rglob("*.py")))
    return frozenset(word for source in sources for word in words(source))

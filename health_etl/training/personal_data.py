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
from health_etl.days.source_labels import is_shown

MIN_LETTERS = 3  # of a telling word in ASCII; a name of two characters may be whole in other scripts
MIN_DIGITS = 8  # of a telling number; no figure in a text has as many

Words = tuple[str, ...]
Suspects = dict[str, list[tuple[str, Words]]]  # kind and words of each identifier, by its first word

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_DOTTED = re.compile(r"(?<![\w@.-])[a-z]+(?:\.[A-Za-z]\w*)+(?![\w@-])", re.ASCII)
_OWN_CODE = ("clinical", "insights", "record_types", "training")  # whatever a line says is written there
_TYPOGRAPHY = str.maketrans(dict.fromkeys("–−±×÷≤≥…’°", " "))  # of our own texts; what remains is ASCII as a rule
# Each begins with a plain character, for which Python searches fast.
_TELEPHONE = (
    re.compile(r"\+\d(?:[ ()/.-]{0,2}\d){6}"),
    re.compile(r"0(?<![\w.,:–-]0)\d(?:[ ()/-]?\d){7}"),
    re.compile(r"-(?<=\d{3}-)\d{3}-\d{4}"),
)
_E_MAIL = re.compile(r"@(?<=[^\s@]@)[^\s@]")
_FRAGMENTS = {"web address": ("://", "www."), "lake path": ("raw/", ".avro")}


def words(text: str) -> list[str]:
    """Return the words of a text, in order and in one spelling."""
    text = text.translate(_TYPOGRAPHY) if not text.isascii() else text
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(one for one in text if unicodedata.category(one) != "Cf")
        return _WORD.findall(text.casefold())
    return _ASCII_WORD.findall(text.lower())


@lru_cache(maxsize=100_000)
def is_telling(word: str) -> bool:
    """Return whether a word can give an identifier away."""
    if word in _own_words():
        return False
    if word.isdigit():
        return len(word) >= MIN_DIGITS
    return not word.isascii() or len(word) >= MIN_LETTERS


@lru_cache(maxsize=64)  # a day's lines share their input and figures
def telling_words(text: str) -> frozenset[str]:
    """Return the words of a text, or of the JSON in it, that could belong to an identifier: none, as a rule."""
    text = "\n".join(strings(text))
    return frozenset(filter(is_telling, set(words(_without_shown(text)))))


@lru_cache(maxsize=64)
def contact_details(text: str) -> frozenset[str]:
    """Return the kinds of contact details that a text, or the JSON in it, seems to hold."""
    text = "\n".join(strings(text))
    lower = text.lower()
    found = {kind for kind, fragments in _FRAGMENTS.items() if any(fragment in lower for fragment in fragments)}
    found |= {"e-mail address"} if _E_MAIL.search(text) else set()
    return frozenset(found | ({"telephone number"} if any(one.search(text) for one in _TELEPHONE) else set()))


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
    own = words(_without_shown(text))
    if wanted.keys().isdisjoint(own):
        return set()
    return {
        kind
        for place, word in enumerate(own)
        for kind, identifier in wanted.get(word, ())
        if tuple(own[place : place + len(identifier)]) == identifier
    }


def _without_shown(text: str) -> str:
    """Return a text without the package names that are shown on purpose."""
    return _DOTTED.sub(lambda found: " " if is_shown(found[0]) else found[0], text)


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

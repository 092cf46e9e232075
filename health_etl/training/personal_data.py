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
_NOT_ASCII = re.compile("[^\\x00-\\x7f]+")
_ASCII_WORD = re.compile("[a-z0-9]+")
_DOTTED = re.compile(r"(?<![\w@.-])[a-z]+(?:\.[A-Za-z]\w*)+(?![\w@-])", re.ASCII)
_OWN_CODE = ("clinical", "insights", "record_types", "training")  # whatever a line says is written there
# Each begins with a plain character, for which Python searches fast.
_CONTACT_DETAILS = (
    ("telephone number", re.compile(r"\+\d(?:[ ()/.-]{0,2}\d){6}")),
    ("telephone number", re.compile(r"0(?<![\w.,:–-]0)\d(?:[ ()/-]?\d){7}")),
    ("telephone number", re.compile(r"-(?<=\d{3}-)\d{3}-\d{4}")),
    ("e-mail address", re.compile(r"@(?<=[^\s@]@)[^\s@]")),
    ("web address", re.compile("//(?<=://)")),
    ("web address", re.compile("[.](?<=[Ww]{3}[.])")),
    ("lake path", re.compile("/(?<=[Rr][Aa][Ww]/)")),
    ("lake path", re.compile("[.][Aa][Vv][Rr][Oo]")),
)

# Of training lines, which are ASCII. Dots, hyphens and @ tell whether a name is shown.
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")
_LINE_END = rb"\n"
_ESCAPED_BACKSLASH = rb"\\"
_FIGURES = b' "clinical_insights": '
_KEYED_ID = re.compile(rb'"([0-9a-f]{16}|[0-9a-f]{32})"')
_BLANKED = bytes(byte if re.match(rb"[\w@.\\-]", bytes([byte])) else ord(" ") for byte in range(256))


def words(text: str) -> list[str]:
    """Return the words of a text, in order and in one spelling."""
    if not text.isascii():
        text = _NOT_ASCII.sub(_letters, unicodedata.normalize("NFKC", text))
    return _ASCII_WORD.findall(text.lower()) if text.isascii() else _WORD.findall(text.casefold())


def _letters(found: re.Match[str]) -> str:
    visible = (one for one in found[0] if unicodedata.category(one) != "Cf")
    return "".join(one if one.isalnum() else " " for one in visible)


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


def contact_details(text: str) -> set[str]:
    """Return the kinds of contact details that a text, which may be JSON, seems to hold."""
    return {kind for kind, form in _CONTACT_DETAILS if form.search(text)}


def tokens(lines: bytes) -> set[bytes]:
    """Return what stands between the blanks and the punctuation of training lines, keyed ids left out."""
    texts = lines
    if _ESCAPED_BACKSLASH not in lines:  # the \n are line ends then; most texts are those of many lines
        parts = lines.replace(b"\n", _LINE_END).replace(_FIGURES, _LINE_END).split(_LINE_END)
        texts = b" ".join(set(parts))
    return set(texts.translate(_BLANKED).split()).difference(_KEYED_ID.findall(texts))


def telling_words_of(tokens: Iterable[bytes]) -> frozenset[str]:
    """Return the words of these tokens that could belong to an identifier: those of all strings in the lines."""
    text = b'","'.join(token.rstrip(b"\\") for token in tokens).decode("ascii")  # an escape at the end is a quote's
    spelt_out = " ".join(json.loads(f'["{text}"]'))
    texts = {spelt_out, _ESCAPE.sub(" ", spelt_out)}  # some are JSON themselves
    return frozenset(word for text in texts for word in set(words(_without_shown(text))) if is_telling(word))


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
    return frozenset().union(*map(words, sources))

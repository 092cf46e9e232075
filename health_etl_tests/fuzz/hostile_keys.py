"""Keys of all bytes that a folder or a bucket takes, most of them near a valid one."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping

from health_etl.record_types import record_types
from health_etl_tests.isolation.items import CANARY, Store
from health_etl_tests.support.exports import avro_bytes, plain

MAX_NAME_BYTES = 255  # of one folder or file
MAX_KEY_BYTES = 1024  # of S3
STEPS = "raw/StepsRecord/2025/09/21/"
CONTENTS = {t.avro_name: avro_bytes(name, [plain(name, f"{CANARY}-1")]) for name, t in record_types().items()}
HASHES = {folder: hashlib.sha256(content).hexdigest()[:8] for folder, content in CONTENTS.items()}

EDGE_DATES = (
    *("0000/00/00", "0001/01/01", "1970/01/01", "1999/12/31", "2000/01/01", "2011/12/30", "2024/02/29", "2025/02/29"),
    *("2025/13/01", "2025/00/10", "2025/9/21", "2025/09/1", "25/09/21", "+2025/09/21", "-2025/09/21", "9999/12/31"),
    *("10000/01/01", "20250/9/21", "2025/09/21T", "2025-09-21/x/y", " 2025/09/21", "2025/09/21 ", "²025/09/21"),
)
ODD_FOLDERS = (
    *("", ".", "..", "...", " ", "~", "*", "?", "#", "%", "%2E%2E", "%2F", "\\", "\\..\\", "C:", "CON", "[/red]"),
    *("{}", "$HOME", "\t", "\n", "\r", "\x01", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "é", "e\u0301"),
    *("Ｓteps", "raw", "released", "unclaimed"),
)
OUR_NAMES = (
    *("rejected_rows.parquet", "unclaimed.manifest.json", "2025-09-21.manifest.json", "2025-09-21.parquet", "_SUCCESS"),
    *(".DS_Store", "Thumbs.db", "health_journal_2025_09.jsonl", "manifest.json", "x.avro#1", "x.avro.metadata.json"),
)
ZEROS = (0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE)  # the digit 0 of other scripts
TYPES = tuple(record_type.avro_name for record_type in record_types().values())


def _name(digest: str, who: str = CANARY, stamp: str = "20250921_060000", device: str = "phone") -> str:
    return f"{who}_{stamp}_{device}_{digest}.avro"


def _valid(rng: random.Random) -> str:
    """Return a key that is claimed."""
    named = rng.choice(TYPES)
    folder = rng.choice([named, named.lower(), named.upper()])
    digest = HASHES[named] if rng.random() < 0.5 else _digest(rng)
    who = f"{CANARY}{rng.randrange(20)}"
    name = rng.choice([_name(digest, who), f"{who}_{rng.randrange(10**9, 4 * 10**9)}_{digest}.avro"])
    return f"raw/{folder}/2025/09/{rng.randint(20, 23)}/{name}"


def _any_name(rng: random.Random) -> bytes:
    return STEPS.encode() + rng.randbytes(rng.randint(1, 40)).replace(b"/", b"_").replace(b"\0", b"_")


def _byte_changed(rng: random.Random) -> bytes:
    key = bytearray(_valid(rng).encode())
    for _ in range(rng.randint(1, 3)):
        key[rng.randrange(len("raw/"), len(key))] = rng.randrange(1, 256)
    return bytes(key)


def _character_added(rng: random.Random) -> bytes:
    key = _valid(rng)
    at = rng.randrange(len("raw/"), len(key) + 1)
    character = rng.choice([chr(rng.randrange(1, 33)), chr(rng.randrange(127, 0xD800)), rng.choice("/.%+ #?&\\'\"`$")])
    return (key[:at] + character * rng.choice([1, 1, 2]) + key[at:]).encode()


def _folder_changed(rng: random.Random) -> bytes:
    parts = _valid(rng).split("/")
    at = rng.randrange(1, len(parts))
    change = rng.choice(["added", "replaced", "removed", "repeated"])
    odd = rng.choice(ODD_FOLDERS)
    parts[at : at + (change != "added")] = {
        "added": [odd],
        "replaced": [odd],
        "removed": [],
        "repeated": [parts[at], parts[at]],
    }[change]
    return "/".join(parts).encode()


def _other_digits(rng: random.Random) -> bytes:
    zero = rng.choice(ZEROS)
    everywhere = rng.random() < 0.4
    return "".join(
        chr(zero + int(c)) if c in "0123456789" and (everywhere or rng.random() < 0.2) else c for c in _valid(rng)
    ).encode()


def _edge_date(rng: random.Random) -> bytes:
    stamp = rng.choice(["20250921_060000", "00000000_000000", "99991231_235959", "20250921_240000", "20250230_000000"])
    return f"raw/{rng.choice(TYPES)}/{rng.choice(EDGE_DATES)}/{_name(_digest(rng), stamp=stamp)}".encode()


def _any_who(rng: random.Random) -> bytes:
    """Let a valid name begin with any text, or name any device."""
    text = "".join(
        chr(rng.choice([rng.randrange(33, 127), rng.randrange(160, 0x2FFF)])) for _ in range(rng.randint(1, 30))
    )
    text = text.replace("/", "_")
    who, device = rng.choice([(text, "phone"), (CANARY, text)])
    return f"{STEPS}{_name(_digest(rng), who, device=device)}".encode()


def _long(rng: random.Random) -> bytes:
    letter = rng.choice(["x", "é", "_", "."])
    size = rng.randint(200, MAX_NAME_BYTES)
    rest = rng.choice([_name(_digest(rng), ""), ".avro", ""])
    return STEPS.encode() + (letter * ((size - len(rest)) // len(letter.encode())) + rest).encode()


def _very_long(rng: random.Random) -> bytes:
    """Return a key near the longest of S3, in one name or in many folders."""
    size = rng.randint(MAX_KEY_BYTES - 40, MAX_KEY_BYTES) - len(STEPS)
    rest = _name(_digest(rng), "")
    filler = rng.choice(["x" * size, "/".join(["y" * 100] * 11)])
    return (STEPS + filler[: size - len(rest)] + rest).encode()


def _name_of_ours(rng: random.Random) -> bytes:
    folder = rng.choice([STEPS, "raw/", "raw/StepsRecord/", "raw/released/", "raw/unclaimed/2025/09/21/"])
    suffix = rng.choice(["", ".metadata.json", ".20250921T060000_000000.release.json", ".tmp", "#1"])
    return f"{folder}{rng.choice([*OUR_NAMES, _name(_digest(rng))])}{suffix}".encode()


def _claimed(rng: random.Random) -> bytes:
    return _valid(rng).encode()


def _digest(rng: random.Random) -> str:
    return f"{rng.getrandbits(32):08x}"


KINDS: Mapping[str, Callable[[random.Random], bytes | None]] = {
    "any name": _any_name,
    "bytes changed": _byte_changed,
    "character added": _character_added,
    "folder changed": _folder_changed,
    "other digits": _other_digits,
    "date at the edge": _edge_date,
    "any person or device": _any_who,
    "long name": _long,
    "very long key": _very_long,
    "name of ours": _name_of_ours,
    "claimed": _claimed,
}


def kinds_on(store: Store) -> Mapping[str, Callable[[random.Random], bytes | None]]:
    """Return the kinds of keys, without what this kind of store takes from nobody."""
    fits = {Store.FOLDER: _fits_folder, Store.S3: _fits_s3}[store]

    def fitting(make: Callable[[random.Random], bytes | None]) -> Callable[[random.Random], bytes | None]:
        def made(rng: random.Random) -> bytes | None:
            key = make(rng)
            return key if key is not None and key.startswith(b"raw/") and fits(key) else None

        return made

    return {kind: fitting(make) for kind, make in KINDS.items()}


def _fits_folder(key: bytes) -> bool:
    parts = key.split(b"/")
    return b"\0" not in key and all(part not in (b"", b".", b"..") and len(part) <= MAX_NAME_BYTES for part in parts)


def _fits_s3(key: bytes) -> bool:
    try:
        key.decode()
    except UnicodeDecodeError:
        return False
    return len(key) <= MAX_KEY_BYTES and b"\0" not in key

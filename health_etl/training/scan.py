"""One pass over a file of the journal, without parsing its lines: what there is to count, and which lines to check.

Every line was checked when it was made (examples.py). As long as a file has the SHA-256 of its manifest, it holds those
lines; a sample of them is checked again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise

from health_etl.training.personal_data import tokens

SAMPLED_LINES = 50  # of a file, spread over it; the first line of each record type and level comes on top

_METADATA = b'"metadata": {"example_id": "'
_ID_AND_KIND = re.compile(
    rb'([0-9a-f]{32})", "caption_level": "(\w+)", "derived": "(?:[^"\\]|\\.)*", "record_type": "(\w+)"'
)


@dataclass
class Scan:
    """What one pass found."""

    sha256: str = ""
    lines: int = 0
    repeated: int = 0  # lines whose example an earlier line has
    sample: list[bytes] = field(default_factory=list)
    tokens: set[bytes] = field(default_factory=set)


def scan(blocks: Iterable[bytes], seed: str, lines: int) -> Scan:
    """Scan a file, given in blocks; `seed` and `lines`, its number of lines, decide which lines are sampled."""
    found, whole, ids = Scan(), sha256(), set[bytes]()
    wanted, kinds, unknown = _places(seed, lines), set[tuple[bytes, ...]](), 0
    for block in _whole_lines(blocks):
        whole.update(block)
        found.tokens |= tokens(block)
        for line in block.removesuffix(b"\n").split(b"\n"):
            start = line.find(_METADATA) + len(_METADATA)
            known = _ID_AND_KIND.match(line, start)
            kind = known.group(2, 3) if known else ()
            if found.lines in wanted or kind not in kinds:
                found.sample.append(line)
                kinds.add(kind)
            if known:
                ids.add(known[1])
            else:
                unknown += 1
            found.lines += 1
    found.sha256, found.repeated = whole.hexdigest(), found.lines - unknown - len(ids)
    return found


def _places(seed: str, lines: int) -> set[int]:
    """Return which lines are sampled: a random one of every part of the file, always the same with the same seed."""
    chosen, parts = random.Random(seed), min(SAMPLED_LINES, lines)  # noqa: S311 - nothing is kept secret by it
    bounds = [lines * part // parts for part in range(parts + 1)] if parts else []
    return {chosen.randrange(start, end) for start, end in pairwise(bounds)}


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of whole lines."""
    rest = b""
    for block in blocks:
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
    if rest:
        yield rest

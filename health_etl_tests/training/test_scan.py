"""One pass over a file of training lines: what it counts, which lines it samples, which words it finds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_etl.training.line_format import json_text
from health_etl.training.personal_data import telling_words, telling_words_of
from health_etl.training.scan import SAMPLED_LINES, Scan, scan
from health_etl_tests.support import hypothesis_profiles

profile = hypothesis_profiles.active_profile()


def example(number: int, text: str = "", level: str = "semantic", record_type: str = "StepsRecord") -> dict[str, Any]:
    metadata = {
        "example_id": f"{number:032x}",
        "caption_level": level,
        "derived": json_text([{"value": text}]),
        "record_type": record_type,
        "subject": f"{number:016x}",
        "source_files": [f"{number:016x}", f"{number + 1:016x}"],
        "processor_version": "3.3.2",
        "clinical_insights": json_text({"category": text, "mean": 1.5}),
    }
    return {"instruction": "Say it.", "input": f"First: {text}\nSecond: 2", "output": text, "metadata": metadata}


def scanned(examples: list[dict[str, Any]], seed: str = "seed", block_bytes: int = 1000) -> Scan:
    content = "".join(f"{json.dumps(one)}\n" for one in examples).encode()
    blocks = (content[start : start + block_bytes] for start in range(0, len(content), block_bytes))
    return scan(blocks, seed, len(examples))


def numbers(found: Scan) -> list[int]:
    return [int(json.loads(one)["metadata"]["example_id"], 16) for one in found.sample]


def test_every_line_of_a_short_file_is_sampled() -> None:
    assert numbers(scanned([example(number) for number in range(SAMPLED_LINES)])) == [*range(SAMPLED_LINES)]


def test_a_sample_is_spread_over_the_file_and_always_the_same() -> None:
    examples = [example(number) for number in range(20 * SAMPLED_LINES)]
    found = scanned(examples)
    assert found.lines == len(examples)
    assert numbers(found) == numbers(scanned(examples)) != numbers(scanned(examples, "another seed"))
    parts = Counter(number // 20 for number in numbers(found))
    assert set(parts) == set(range(SAMPLED_LINES))
    assert parts.total() <= SAMPLED_LINES + 1, "the first line of its kind comes on top"


def test_the_first_line_of_every_type_and_level_is_sampled() -> None:
    examples = [example(number) for number in range(10 * SAMPLED_LINES)]
    rare = [example(9001, level="structural"), example(9002, record_type="HeartRateRecord"), {"output": "no example"}]
    found = scanned([*examples, *rare, *examples[:1]])
    assert [json.loads(one) for one in found.sample if json.loads(one) in rare] == rare


@pytest.mark.parametrize("block_bytes", [1, 7, 1000, 1 << 20])
def test_a_file_is_told_the_same_in_blocks_of_any_size(block_bytes: int) -> None:
    examples = [example(number, f"Weatherwax{number}") for number in [0, 1, 2, 1, 3, 1]]
    found = scanned(examples, block_bytes=block_bytes)
    content = "".join(f"{json.dumps(one)}\n" for one in examples).encode()
    assert (found.sha256, found.lines, found.repeated) == (hashlib.sha256(content).hexdigest(), 6, 2)
    assert telling_words_of(found.tokens) == {"weatherwax0", "weatherwax1", "weatherwax2", "weatherwax3"}


def test_a_file_without_lines_has_nothing_to_tell() -> None:
    assert scan([], "seed", 0) == Scan(hashlib.sha256().hexdigest())


@pytest.mark.parametrize("text", ["0123456789abcdef", "0123456789abcdef0123456789abcdef"])
def test_an_id_within_a_text_is_a_word_and_a_keyed_id_is_none(text: str) -> None:
    assert telling_words_of(scanned([example(1)]).tokens) == set()
    assert telling_words_of(scanned([example(1, f"It is {text}.")]).tokens) == {text}


@pytest.mark.parametrize(
    "text",
    [
        "Ask DOMAIN\\nina.",
        "b\u200ben",
        "\uff42\uff45\uff4eno",
        "Jane\nWeatherwax",
        'the "Bella"',
        "com.strava by Bella",
        "\\",
        "",
    ],
)
def test_words_are_found_in_whatever_way_a_line_spells_them(text: str) -> None:
    assert telling_words_of(scanned([example(1, text)]).tokens) >= telling_words(f"It is {text}")


@profile
@given(texts=st.lists(st.text() | st.text('ab0.@-_\\"\nué\u200b '), min_size=1, max_size=5))
def test_every_telling_word_of_any_text_is_found(texts: list[str]) -> None:
    found = scanned([example(number, text) for number, text in enumerate(texts)])
    assert telling_words_of(found.tokens) >= {word for text in texts for word in telling_words(f"It is {text}")}

"""Every number in clinical/ has a source, or is one by definition; and the search for others finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

import health_etl.clinical
from health_etl_tests.clinical.number_lint import message, unsourced_numbers

CHECKOUT = Path(__file__).resolve().parents[2]
CLINICAL = Path(health_etl.clinical.__file__).parent
FILES = sorted(CLINICAL.rglob("*.py"))

CLEAN = '''"""A text of 1987 with 70 mg/dL."""

from health_etl.clinical.sources import definition, sourced

NATHAN_SOURCE = "Nathan 2008, " "doi:10.2337/dc08-0545"
LOW_MG_DL: float = sourced(70.0, "mg/dL", "adults with diabetes", "Battelino 2019, doi:10.2337/dci19-0028")
QUARTERS = sourced((3553, 5801), "steps/day", "adults", "Paluch 2022")
MINUTES_PER_HOUR = definition(60, "minutes per hour")
HOURS = 2 * MINUTES_PER_HOUR
'''


def test_every_number_has_a_source() -> None:
    findings = {path: unsourced_numbers(path.read_text(encoding="utf-8")) for path in FILES}
    messages = [message(path.relative_to(CHECKOUT), found) for path, found in findings.items() if found]
    if messages:
        pytest.fail("\n" + "\n".join(messages), pytrace=False)


def test_the_search_looks_at_the_processors_of_all_types() -> None:
    names = {path.relative_to(CLINICAL).with_suffix("").parts[0] for path in FILES}
    assert names >= set(health_etl.clinical.processors())


@pytest.mark.parametrize(
    "line",
    [
        "HIGH = 180",
        "HIGH = -180.0",
        "TINY = 1e-9",
        "def f(x: float, limit: float = 54.0) -> bool:\n    return x < limit",
        "def f(x: float) -> float:\n    return 100 * x",
        "STEPS = (5000, 7500)",
        "SECOND = [10, 20][3]",
        "LABEL = 'Time in range 70–180 mg/dL'",
        "LABEL = f'every 5-min {LOW_MG_DL}'",
        "LABEL = f'Time below {LOW_MG_DL:.1f} mg/dL for 15 min'",
        "LABEL = 'a share of 0.5'",
        "LIMIT = float('54')",
        "TARGETS = {'low': sourced(4, '%', 'adults', 'Battelino 2019')}",
        "def f() -> int:\n    LIMIT = sourced(4, '%', 'adults', 'Battelino 2019')\n    return LIMIT",
        "HALF = definition(60, 'minutes per hour') / 2",
        "HALF = sourced(4, '%', 'adults', 'Battelino 2019') * 30",
        "LIMIT = sourced(4, '%', 'adults', '')",
        "LIMIT = sourced(4, '%', 'adults', 'ASSUMPTION: ')",
        "LIMIT = sourced(4, '%', 'adults')",
        "LIMIT = sourced(4, '%', population='adults', source='Battelino 2019')",
        "LIMIT_SOURCE = 54",
        "_UNUSED = 'Plews 2012'",
        "_BOTH = 'Plews 2012'\nLIMIT = sourced(3, 'nights', 'adults', _BOTH)\nLABEL = _BOTH",
        "_NUMBER = 54\nLIMIT = sourced(_NUMBER, 'nights', 'adults', 'Plews')",
        "def f() -> str:\n    X_SOURCE = 'Battelino 2019'\n    return X_SOURCE",
        "def f(x: float) -> float:\n    return round(x, 3)",
    ],
)
def test_a_planted_number_is_found(line: str) -> None:
    findings = unsourced_numbers(CLEAN + line + "\n")
    assert findings
    assert all(finding.line > CLEAN.count("\n") for finding in findings)


@pytest.mark.parametrize(
    "line",
    [
        "FIRST = VALUES[3:10]",
        "M = Metric('cv_percent', 'CV', 'Spread.', decimals=3)",
        "TEXT = f'{LOW_MG_DL:.4f} mg/dL'",
        "TEXT = 'HbA1c as float64 of level1_count; level 2'",
        "HALF = LOW_MG_DL / 2 - 1.0",
        "class A:\n    '''Of 2019.'''\n    limit: int = 0\n    '''70 is in range.'''",
        "FLAG = True",
        "_CITED = 'Plews 2012'\nLIMIT = sourced(3, 'nights', 'adults', _CITED)",
    ],
)
def test_what_is_no_clinical_number_is_left_alone(line: str) -> None:
    assert unsourced_numbers(CLEAN + line + "\n") == []


def test_a_finding_names_file_and_line() -> None:
    findings = unsourced_numbers("A = 1\nB = 3\n")
    assert message(Path("clinical/x.py"), findings).startswith("clinical/x.py:2: 3 has no source")

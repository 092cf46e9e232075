"""Loads journal files in one call with the `datasets` of this interpreter, and prints what came out as JSON.

Run as a program by test_load.py and `make load-test`, in environments that have no health_etl:
python load_files.py FILE … (in that order; the first file decides on the types).
"""

from __future__ import annotations

import json
import sys
import tempfile

import datasets


def main(files: list[str]) -> None:
    """Load in full and streaming, and compare."""
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as cache:
        whole = datasets.load_dataset("json", data_files=files, split="train", cache_dir=cache)
        streamed = list(datasets.load_dataset("json", data_files=files, split="train", streaming=True, cache_dir=cache))
        assert streamed == list(whole), "streaming gives other rows"
        shape = {name: str(feature) for name, feature in whole.features.items()}
        dates = sorted({row["metadata"]["local_date"] for row in streamed})
        day = dates[0]
        of_day = whole.filter(lambda row: row["metadata"]["local_date"] == day)
        assert len(of_day), "a date is not found by its text"
        assert all(json.loads(row["metadata"]["clinical_insights"]) for row in streamed)
    found = {"datasets": datasets.__version__, "rows": len(whole), "features": shape, "dates": dates}
    sys.stdout.write(json.dumps(found) + "\n")


main(sys.argv[1:])

"""Every row of every upload decoded by fastavro, and dropped: bare_decode.py LAKE"""

import sys
from pathlib import Path

import fastavro


def main() -> None:
    """Decode all, and print how many rows there were."""
    rows = 0
    for path in Path(sys.argv[1]).glob("raw/*/*/*/*/*.avro"):
        with path.open("rb") as file:
            rows += sum(1 for _ in fastavro.reader(file))
    print(rows)


if __name__ == "__main__":
    main()

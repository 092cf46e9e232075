"""Synthetic people and the Health Connect exports of their phones: seeded, reading no clock and no real data."""

from health_etl.synthetic.exports import DEFAULT_FIRST_DAY, generate
from health_etl.synthetic.shipped import SHIPPED_SEED, shipped_sample
from health_etl.synthetic.write import ExportFile, write_exports

__all__ = [
    "DEFAULT_FIRST_DAY",
    "SHIPPED_SEED",
    "ExportFile",
    "generate",
    "shipped_sample",
    "write_exports",
]

"""Ranges (mg/dL) and targets of glucose, each with its source. Nothing is computed here."""

from __future__ import annotations

from health_etl.clinical.common.sources import definition, sourced

BATTELINO_2019_SOURCE = "Battelino 2019"
BATTELINO_2023_SOURCE = "Battelino 2023"
BERGENSTAL_2018_SOURCE = "Bergenstal 2018"
NATHAN_2008_SOURCE = "Nathan 2008"
KLONOFF_2022_SOURCE = "Klonoff 2022"
KOVATCHEV_SOURCE = "Kovatchev 2006"
MONNIER_2013_SOURCE = "Monnier 2013"

MINUTES_PER_DAY = definition(1440, "minutes per day of 24 hours")

_DIABETES = "people with diabetes on CGM"
_ADULTS = "adults with diabetes on CGM, over two weeks"
_OLDER = "older or high-risk adults with diabetes on CGM, over two weeks"
_PREGNANT = "pregnancy with type one diabetes on CGM, over two weeks"
_CONSENSUS_2023_SOURCE = "Battelino 2023, doi:10.1016/S2213-8587(22)00319-9"
_CONSENSUS_2019_SOURCE = (
    "Battelino 2019, doi:10.2337/dci19-0028; ASSUMPTION: from knowledge of the consensus, not re-read"
)

# Ranges
VERY_LOW_BELOW_MG_DL = sourced(54, "mg/dL", _DIABETES, _CONSENSUS_2023_SOURCE)  # level 2 hypoglycaemia is below
RANGE_LOW_MG_DL = sourced(70, "mg/dL", _DIABETES, _CONSENSUS_2023_SOURCE)  # in range; level 1 hypoglycaemia is below
TIGHT_RANGE_HIGH_MG_DL = sourced(140, "mg/dL", _DIABETES, _CONSENSUS_2023_SOURCE)  # in tight range
RANGE_HIGH_MG_DL = sourced(180, "mg/dL", _DIABETES, _CONSENSUS_2023_SOURCE)  # in range; level 1 hyperglycaemia is above
VERY_HIGH_ABOVE_MG_DL = sourced(250, "mg/dL", _DIABETES, _CONSENSUS_2023_SOURCE)  # level 2 hyperglycaemia is above
PREGNANCY_LOW_MG_DL = sourced(63, "mg/dL", _PREGNANT, _CONSENSUS_2019_SOURCE)  # in the range of pregnancy
PREGNANCY_HIGH_MG_DL = sourced(140, "mg/dL", _PREGNANT, _CONSENSUS_2019_SOURCE)  # in the range of pregnancy
HIGHEST_LOW_MG_DL = definition(69, "the highest whole mg/dL below range")
LOWEST_HIGH_MG_DL = definition(181, "the lowest whole mg/dL above range")

# Targets: shares of readings
IN_RANGE_TARGET_PERCENT = sourced(70, "% of readings, above", _ADULTS, _CONSENSUS_2019_SOURCE)
BELOW_RANGE_TARGET_PERCENT = sourced(4, "% of readings, below", _ADULTS, _CONSENSUS_2019_SOURCE)
VERY_LOW_TARGET_PERCENT = sourced(1, "% of readings, below", _ADULTS, _CONSENSUS_2019_SOURCE)
ABOVE_RANGE_TARGET_PERCENT = sourced(25, "% of readings, below", _ADULTS, _CONSENSUS_2019_SOURCE)
VERY_HIGH_TARGET_PERCENT = sourced(5, "% of readings, below", _ADULTS, _CONSENSUS_2019_SOURCE)
OLDER_IN_RANGE_TARGET_PERCENT = sourced(50, "% of readings, above", _OLDER, _CONSENSUS_2019_SOURCE)
OLDER_BELOW_RANGE_TARGET_PERCENT = sourced(1, "% of readings, below", _OLDER, _CONSENSUS_2019_SOURCE)
OLDER_VERY_HIGH_TARGET_PERCENT = sourced(10, "% of readings, below", _OLDER, _CONSENSUS_2019_SOURCE)
PREGNANCY_IN_RANGE_TARGET_PERCENT = sourced(70, "% of readings, above", _PREGNANT, _CONSENSUS_2019_SOURCE)
PREGNANCY_BELOW_RANGE_TARGET_PERCENT = sourced(4, "% of readings, below", _PREGNANT, _CONSENSUS_2019_SOURCE)
PREGNANCY_VERY_LOW_TARGET_PERCENT = sourced(1, "% of readings, below", _PREGNANT, _CONSENSUS_2019_SOURCE)
PREGNANCY_ABOVE_RANGE_TARGET_PERCENT = sourced(25, "% of readings, below", _PREGNANT, _CONSENSUS_2019_SOURCE)
STABLE_CV_PERCENT = sourced(36, "%, coefficient of variation, up to", _DIABETES, "Battelino 2019, as above (checked)")

# How much is needed
MINIMUM_COVERAGE_PERCENT = sourced(
    70, "% of readings", _DIABETES, "Battelino 2019, as above (checked); ASSUMPTION that it serves for one day too"
)
REPORT_DAYS = sourced(14, "days", _DIABETES, "Battelino 2019, as above (checked)")
MAX_SPACING_MINUTES = sourced(45, "min, a longer pause is a gap", _DIABETES, _CONSENSUS_2023_SOURCE)
LONG_GAP_HOURS = sourced(
    24, "hours", _DIABETES, "ASSUMPTION: a whole day without readings is worth mentioning in a report"
)

# Events
EVENT_MINUTES = sourced(15, "consecutive min beyond to start, back to end an event", _DIABETES, _CONSENSUS_2023_SOURCE)
EXTENDED_HYPO_MINUTES = sourced(120, "min below 70 mg/dL, more than", _DIABETES, _CONSENSUS_2023_SOURCE)
EXTENDED_HYPER_MINUTES = sourced(90, "cumulative min above 250 mg/dL, at least", _DIABETES, _CONSENSUS_2023_SOURCE)
EXTENDED_HYPER_WITHIN_MINUTES = sourced(120, "min in which they fall", _DIABETES, _CONSENSUS_2023_SOURCE)
CLOCK_TOLERANCE = sourced(
    0.2, "share of the cadence by which minutes may be missed", _DIABETES, "ASSUMPTION: sensor clocks jitter by seconds"
)

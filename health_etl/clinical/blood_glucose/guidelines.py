"""The reference lines and the instructions of every glucose example."""

from __future__ import annotations

from health_etl.clinical.blood_glucose import thresholds as t
from health_etl.clinical.blood_glucose.columns import ADRR_GRADES, HIGH, IN_RANGE, LOW, PREGNANCY_RANGE, TIGHT_RANGE
from health_etl.clinical.blood_glucose.risk import (
    ADRR_DAYS,
    ADRR_READINGS,
    GRI_ZONE_BOUNDS,
    GRI_ZONES,
    HBGI_GRADES,
    LBGI_GRADES,
)
from health_etl.clinical.blood_glucose.time_of_day import DAWN_RISE_MG_DL, NIGHT, WAKING
from health_etl.clinical.blood_glucose.trend_columns import BASELINE_DAYS, TREND_PERCENT_POINTS
from health_etl.clinical.common.base import Level
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS

_LBGI = "minimal up to {}, low up to {}, moderate up to {}, high above".format(*LBGI_GRADES)
_HBGI = "low up to {}, moderate up to {}, high above".format(*HBGI_GRADES)
_ZONES = ", ".join(f"{zone} up to {bound}" for zone, bound in zip(GRI_ZONES, GRI_ZONE_BOUNDS, strict=False))

GUIDELINES = (
    f"Very low is below {t.VERY_LOW_BELOW_MG_DL} mg/dL, low {LOW}, in range {IN_RANGE}, in tight range {TIGHT_RANGE}, "
    f"high {HIGH}, very high above {t.VERY_HIGH_ABOVE_MG_DL} mg/dL ({t.BATTELINO_2023_SOURCE}).",
    f"Targets for adults with diabetes: time in range {IN_RANGE} above {t.IN_RANGE_TARGET_PERCENT} %, below "
    f"{t.RANGE_LOW_MG_DL} mg/dL below {t.BELOW_RANGE_TARGET_PERCENT} %, below {t.VERY_LOW_BELOW_MG_DL} mg/dL below "
    f"{t.VERY_LOW_TARGET_PERCENT} %, above {t.RANGE_HIGH_MG_DL} mg/dL below {t.ABOVE_RANGE_TARGET_PERCENT} %, above "
    f"{t.VERY_HIGH_ABOVE_MG_DL} mg/dL below {t.VERY_HIGH_TARGET_PERCENT} % ({t.BATTELINO_2019_SOURCE}).",
    f"Targets for older or high-risk adults with diabetes: time in range {IN_RANGE} above "
    f"{t.OLDER_IN_RANGE_TARGET_PERCENT} %, below {t.RANGE_LOW_MG_DL} mg/dL below "
    f"{t.OLDER_BELOW_RANGE_TARGET_PERCENT} %, above {t.VERY_HIGH_ABOVE_MG_DL} mg/dL below "
    f"{t.OLDER_VERY_HIGH_TARGET_PERCENT} % ({t.BATTELINO_2019_SOURCE}).",
    f"Targets in pregnancy with type one diabetes: time in range {PREGNANCY_RANGE} above "
    f"{t.PREGNANCY_IN_RANGE_TARGET_PERCENT} %, below {t.PREGNANCY_LOW_MG_DL} mg/dL below "
    f"{t.PREGNANCY_BELOW_RANGE_TARGET_PERCENT} %, below {t.VERY_LOW_BELOW_MG_DL} mg/dL below "
    f"{t.PREGNANCY_VERY_LOW_TARGET_PERCENT} %, above {t.PREGNANCY_HIGH_MG_DL} mg/dL below "
    f"{t.PREGNANCY_ABOVE_RANGE_TARGET_PERCENT} % ({t.BATTELINO_2019_SOURCE}).",
    f"A coefficient of variation up to {t.STABLE_CV_PERCENT} % counts as stable ({t.BATTELINO_2019_SOURCE}).",
    f"A low or high event lasts at least {t.EVENT_MINUTES} min; a pause of more than {t.MAX_SPACING_MINUTES} min "
    f"ends it. Extended hypoglycaemia: more than {t.EXTENDED_HYPO_MINUTES} min below {t.RANGE_LOW_MG_DL} mg/dL; "
    f"extended hyperglycaemia: at least {t.EXTENDED_HYPER_MINUTES} min in all within "
    f"{t.EXTENDED_HYPER_WITHIN_MINUTES} min above {t.VERY_HIGH_ABOVE_MG_DL} mg/dL ({t.BATTELINO_2023_SOURCE}).",
    f"A day is judged when at least {t.MINIMUM_COVERAGE_PERCENT} % of it is recorded. Targets, GMI and eA1C need "
    f"{t.REPORT_DAYS} days with {t.MINIMUM_COVERAGE_PERCENT} % of their readings ({t.BATTELINO_2019_SOURCE}, "
    f"{t.BERGENSTAL_2018_SOURCE}, {t.NATHAN_2008_SOURCE}).",
    f"LBGI: {_LBGI}. HBGI: {_HBGI}. ADRR over at least {ADRR_DAYS} days of {ADRR_READINGS} readings or more: "
    f"{ADRR_GRADES} ({t.KOVATCHEV_SOURCE}).",
    f"GRI zones: {_ZONES}, {GRI_ZONES[-1]} above ({t.KLONOFF_2022_SOURCE}).",
    f"Dawn phenomenon: a rise of at least {DAWN_RISE_MG_DL} mg/dL from the lowest glucose of the night ({NIGHT}) to "
    f"before breakfast, without low glucose in that night ({t.MONNIER_2013_SOURCE}, type two diabetes). Where no "
    f"record marks breakfast, {WAKING} is assumed to lie before it.",
    f"What is usual for a person is the mean of at least {BASELINE_DAYS} judged days of the {LOOK_BACK_DAYS} before, "
    f"with its standard deviation. A change of time in range counts from {TREND_PERCENT_POINTS} percentage points on "
    f"({t.BATTELINO_2019_SOURCE}).",
    f"A stretch without readings of {t.LONG_GAP_HOURS} h or more is worth a word in a report.",
    f"Below {t.VERY_LOW_BELOW_MG_DL} mg/dL is clinically significant hypoglycaemia that calls for prompt action.",
)

INSTRUCTIONS = {
    Level.STATISTICAL: (
        "Summarise this person's glucose readings of one local day in numbers.",
        "Report the glucose statistics of this day with their units and how much of the day they cover.",
        "Give the figures of this day of glucose data, and those of the report period if there is one.",
    ),
    Level.STRUCTURAL: (
        "Describe how glucose ran through this local day: times of day, low and high events, gaps.",
        "When was glucose low or high on this day, and for how long? Use the figures given.",
        "Describe the pattern of this day of glucose data and how the day compares with the days before.",
    ),
    Level.SEMANTIC: (
        "Interpret this day of glucose data against the usual targets and say what is uncertain.",
        "What do these glucose figures mean for a clinician, and what do they not show?",
        "Judge this day's glucose by the named guidelines; name the limits of the data and anything urgent.",
    ),
}

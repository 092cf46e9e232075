"""The texts of the day across types. What is compared, and how, is decided in processor.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from health_etl.clinical.blood_glucose.thresholds import VERY_HIGH_ABOVE_MG_DL, VERY_LOW_BELOW_MG_DL
from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.text import below, paragraph, pluralise, zone_caution
from health_etl.clinical.heart_rate.events import URGENT_ABOVE_BPM
from health_etl.record_types import record_types

WITHIN, ABOVE, BELOW = "within usual", "above usual", "below usual"
SUSTAINED = "sustained"  # of very high glucose, the term of the glucose insights


@dataclass(frozen=True)
class Measure:
    """A metric of a record type as the day across types uses it; `spoken` begins a sentence."""

    record_type: str
    metric: str
    name: str
    label: str
    spoken: str
    description: str
    unit: str
    decimals: int = 0
    partial: str | None = None  # name of the flag for a total that is not that of a whole day

    @cached_property
    def days(self) -> str:
        """Name of the metric that counts the earlier days."""
        return f"{self.name}_earlier_days"

    @cached_property
    def low(self) -> str:
        """Name of the metric for the lower bound of the usual range."""
        return f"{self.name}_usual_from"

    @cached_property
    def high(self) -> str:
        """Name of the metric for the upper bound of the usual range."""
        return f"{self.name}_usual_to"

    @cached_property
    def place(self) -> str:
        """Name of the metric for where the day lies: within, above or below."""
        return f"{self.name}_place"

    @cached_property
    def inside(self) -> str:
        """The label as it stands inside a sentence: abbreviations keep their capitals."""
        keeps = self.label.split()[0].isupper()
        return self.label if keeps else self.label[0].lower() + self.label[1:]

    @cached_property
    def type_inside(self) -> str:
        """The title of the record type as it stands inside a sentence."""
        title = record_types()[self.record_type].title
        return title[0].lower() + title[1:]


MEASURES = (
    Measure(
        "sleep_session",
        "tst_minutes",
        "sleep_minutes",
        "Total sleep time",
        "Total sleep time",
        "Time asleep in the main sleep of the night that ended on this day",
        "min",
    ),
    Measure(
        "sleep_session",
        "se_percent",
        "sleep_efficiency_percent",
        "Sleep efficiency",
        "Sleep efficiency",
        "Share of the time in bed asleep, main sleep of the night that ended on this day",
        "%",
        1,
    ),
    Measure(
        "heart_rate_variability_rmssd",
        "mean_rmssd_ms",
        "night_rmssd_ms",
        "RMSSD of the night",
        "RMSSD",
        "Mean RMSSD of the night that ended on this day",
        "ms",
        1,
    ),
    Measure(
        "heart_rate",
        "resting_bpm",
        "resting_heart_rate_bpm",
        "Resting heart rate",
        "Resting heart rate",
        "Resting heart rate of the day; the method is that of the heart-rate insights",
        "bpm",
        1,
    ),
    Measure(
        "steps",
        "steps_total",
        "steps",
        "Step count",
        "The step count",
        "Steps of the day, apps merged by time",
        "steps",
        partial="steps_partial_day",
    ),
    Measure(
        "active_calories_burned",
        "active_kcal_total",
        "active_energy_kcal",
        "Active energy",
        "Active energy",
        "Active energy of the day, apps merged by time",
        "kcal",
        partial="active_energy_partial_day",
    ),
    Measure(
        "blood_glucose",
        "mean_mg_dl",
        "mean_glucose_mg_dl",
        "Mean glucose",
        "Mean glucose",
        "Mean of the day's glucose readings",
        "mg/dL",
        1,
    ),
    Measure(
        "blood_glucose",
        "time_in_range_percent",
        "glucose_time_in_range_percent",
        "Glucose time in range",
        "Glucose time in range",
        "Share of the day's readings in the target range",
        "%",
        1,
    ),
)

LOWEST_GLUCOSE, VERY_HIGH_GLUCOSE, FAST_AT_REST = (
    "lowest_glucose_mg_dl",
    "very_high_glucose",
    "very_high_heart_rate_at_rest_count",
)

_BY_NAME = {measure.name: measure for measure in MEASURES}


@dataclass(frozen=True)
class Pair:
    """Two measures that are compared: does the second differ when the first does?"""

    first: str
    second: str

    @property
    def days(self) -> str:
        """Name of the metric that counts earlier days on which the first measure lay as it does today."""
        return f"{self.first}_and_{self.second}_days"

    @property
    def both(self) -> str:
        """Name of the metric that counts those on which the second measure did too."""
        return f"{self.first}_and_{self.second}_both_days"

    @property
    def first_label(self) -> str:
        """The first measure inside a sentence."""
        return _BY_NAME[self.first].inside

    @property
    def second_label(self) -> str:
        """The second measure inside a sentence."""
        return _BY_NAME[self.second].inside


PAIRS = (
    Pair("sleep_minutes", "resting_heart_rate_bpm"),
    Pair("sleep_minutes", "night_rmssd_ms"),
    Pair("sleep_minutes", "mean_glucose_mg_dl"),
    Pair("steps", "mean_glucose_mg_dl"),
)


def narrate(facts: Facts) -> Captions:
    """Narrate the day across types, one text per level."""
    return {
        Level.STATISTICAL: _statistical(facts),
        Level.STRUCTURAL: _structural(facts),
        Level.SEMANTIC: _semantic(facts),
    }


def _statistical(facts: Facts) -> str:
    known = _known(facts)
    if not known:
        return paragraph(
            f"On {facts['local_date']}, none of the day's measures could be computed.", _urgent(facts), _missing(facts)
        )
    opening = facts.pick("opening", ("Measured on {}: ", "The figures of {}: ", "What {} brought: "))
    values = "; ".join(_value(facts, measure) for measure in known)
    return paragraph(
        f"{opening.format(facts['local_date'])}{values}.", _urgent(facts), _missing(facts), zone_caution(facts)
    )


def _value(facts: Facts, measure: Measure) -> str:
    partial = " so far, of a partial day" if _is_partial(facts, measure) else ""
    return f"{measure.inside} {facts[measure.name]}{_unit(measure)}{partial}"


def _structural(facts: Facts) -> str:
    compared = [m for m in MEASURES if facts.has(m.place)]
    if not compared:
        return paragraph(
            f"The measures of {facts['local_date']} cannot be compared with the person's own usual.",
            _urgent(facts),
            _not_compared(facts, "Not compared: "),
            _missing(facts),
            zone_caution(facts),
        )
    return paragraph(
        f"On {facts['local_date']}, beside the person's own earlier days:",
        *(_compared(facts, measure) for measure in compared),
        *(_pair(facts, pair) for pair in PAIRS),
        _urgent(facts),
        _not_compared(facts, "Not compared: "),
        _missing(facts),
        zone_caution(facts),
    )


def _compared(facts: Facts, measure: Measure) -> str:
    value = f"{facts[measure.name]}{_unit(measure)}"
    usual = f"{facts[measure.low]}–{facts[measure.high]}{_unit(measure)}"
    days = f"{facts[measure.days]} earlier days"
    wordings = {
        WITHIN: (
            "{} was {}, within the usual {} of {}.",
            "{} of {} lay in the usual range of {} ({}).",
        ),
        ABOVE: ("{} was {}, above the usual {} of {}.", "{} of {} lay above the usual range of {} ({})."),
        BELOW: ("{} was {}, below the usual {} of {}.", "{} of {} lay below the usual range of {} ({})."),
    }[facts[measure.place]]
    return facts.pick(measure.name, wordings).format(measure.spoken, value, usual, days)


def _pair(facts: Facts, pair: Pair) -> str:
    if not facts.has(pair.days, pair.both) or facts[pair.days] == "0":
        return ""
    first, second = _BY_NAME[pair.first], _BY_NAME[pair.second]
    side = "above" if facts[first.place] == ABOVE else "below"
    other = {WITHIN: "within", ABOVE: "above", BELOW: "below"}[facts[second.place]]
    days = pluralise(facts[pair.days], "earlier day", "earlier days")
    return (
        f"{days[0].upper()}{days[1:]} had {first.inside} {side} the usual as well; on {facts[pair.both]} of them "
        f"{second.inside} was {other} its usual range, as today."
    )


def _semantic(facts: Facts) -> str:
    compared = [m for m in MEASURES if facts.has(m.place)]
    unlike = [m for m in compared if facts[m.place] != WITHIN]
    if not compared:
        meaning = facts.pick(
            "nothing",
            (
                "Whether this day was unusual for the person cannot be said yet.",
                "There is no ground yet to call this day usual or unusual for the person.",
            ),
        )
        return paragraph(
            f"{facts['local_date']}: {meaning}",
            _urgent(facts),
            _not_compared(facts, "Not judged: "),
            _missing(facts),
            _caution(facts),
        )
    if not unlike:
        meaning = (
            f"Every measure that could be compared ({_listed([m.inside for m in compared])}) lay in this person's "
            "own usual range."
        )
    else:
        meaning = f"{_capital(_listed([_side(facts, m) for m in unlike]))}; " + (
            f"{_listed([m.inside for m in compared if m not in unlike])} did not stand out."
            if len(unlike) < len(compared)
            else "nothing that could be compared was as usual."
        )
    return paragraph(
        f"{facts['local_date']}: {meaning}",
        _together(facts, unlike),
        _urgent(facts),
        "Usual is what this person's own days show, not what is healthy.",
        _not_compared(facts, "Not judged: "),
        _missing(facts),
        _caution(facts),
    )


def _side(facts: Facts, measure: Measure) -> str:
    side = "above" if facts[measure.place] == ABOVE else "below"
    return f"{measure.inside} was {side} the person's usual"


def _together(facts: Facts, unlike: Sequence[Measure]) -> str:
    if len(unlike) < 2:
        return ""
    return facts.pick(
        "together",
        (
            "That they differ on the same day does not show that one brought about the other.",
            "Their meeting on one day is an observation and no cause.",
            "Whether they have to do with each other cannot be told from one day.",
        ),
    )


def _caution(facts: Facts) -> str:
    return paragraph(
        facts.pick(
            "caution",
            (
                "Illness, travel, alcohol, stress and how a device was worn are not recorded and may lie behind "
                "any of this.",
                "What the person did, ate or felt is not recorded, so no reason can be given.",
            ),
        ),
        "It is no diagnosis.",
        zone_caution(facts),
    )


def _not_compared(facts: Facts, opening: str) -> str:
    reasons = [
        f"{measure.inside} ({_why(facts, measure)})" for measure in _known(facts) if not facts.has(measure.place)
    ]
    return f"{opening}{_listed(reasons)}." if reasons else ""


def _why(facts: Facts, measure: Measure) -> str:
    if _is_partial(facts, measure):
        return "a partial day"
    return f"{pluralise(facts[measure.days], 'earlier day is', 'earlier days are')} known, too few"


def _urgent(facts: Facts) -> str:
    """Point out values that call for care, however usual the rest of the day was; empty otherwise."""
    sentences = []
    if facts.has(LOWEST_GLUCOSE) and float(str(facts.values[LOWEST_GLUCOSE])) < VERY_LOW_BELOW_MG_DL:
        place = below(facts.number(LOWEST_GLUCOSE), VERY_LOW_BELOW_MG_DL)
        sentences.append(
            f"The lowest glucose reading, {facts[LOWEST_GLUCOSE]} mg/dL, is {place} {VERY_LOW_BELOW_MG_DL} mg/dL."
        )
    if facts.has(VERY_HIGH_GLUCOSE) and facts[VERY_HIGH_GLUCOSE] == SUSTAINED:
        sentences.append(f"Glucose above {VERY_HIGH_ABOVE_MG_DL} mg/dL lasted.")
    if facts.has(FAST_AT_REST) and facts.number(FAST_AT_REST) > 0:
        sentences.append(f"Heart rate stayed above {URGENT_ABOVE_BPM} bpm at what seems to have been rest.")
    if not sentences:
        return ""
    return paragraph(*sentences, "Where a check confirms this, medical care should be sought without delay.")


def _missing(facts: Facts) -> str:
    reason = facts["coverage_reason"] if facts.has("coverage_reason") else ""
    without = [
        measure.inside for measure in MEASURES if not facts.has(measure.name) and measure.type_inside not in reason
    ]
    return paragraph(
        f"{_capital(reason)}; what was not recorded is unknown, not zero." if reason else "",
        f"Not given, because too little of it was recorded: {_listed(without)}." if without else "",
    )


def _known(facts: Facts) -> list[Measure]:
    return [measure for measure in MEASURES if facts.has(measure.name)]


def _is_partial(facts: Facts, measure: Measure) -> bool:
    return measure.partial is not None and facts.has(measure.partial) and facts[measure.partial] == "yes"


def _unit(measure: Measure) -> str:
    return f" {measure.unit}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

"""The texts of a heart-rate day: statistical and structural here, semantic in semantic.py."""

from __future__ import annotations

from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import paragraph, pluralise, zone_caution
from health_etl.clinical.heart_rate.events import (
    BOUT_MINUTES,
    MAX_BOUT_MINUTES,
    SUSTAINED_MINUTES,
    URGENT_ABOVE_BPM,
    URGENT_MINUTES,
)
from health_etl.clinical.heart_rate.profile import NIGHT_SPAN
from health_etl.clinical.heart_rate.recovery import FIRST_RECOVERY_MINUTES, SECOND_RECOVERY_MINUTES
from health_etl.clinical.heart_rate.resting import BRADYCARDIA_BELOW_BPM, RESTING_HIGH_BPM, RESTING_WINDOW_MINUTES
from health_etl.clinical.heart_rate.semantic import semantic
from health_etl.clinical.heart_rate.sentences import no_baseline, one_sample, some, stretches, too_sparse
from health_etl.clinical.heart_rate.series import MAX_GAP_MINUTES
from health_etl.clinical.heart_rate.trends import WEEK_DAYS
from health_etl.clinical.heart_rate.zones import BELOW_ZONES, ZONE_FLOORS_PERCENT, ZONE_NAMES, zone_span

VERY_HIGH = f"above {URGENT_ABOVE_BPM} bpm for {URGENT_MINUTES} min or more"
HIGH = f"above {RESTING_HIGH_BPM} bpm for {SUSTAINED_MINUTES} min or more"
LOW = f"below {BRADYCARDIA_BELOW_BPM} bpm for {SUSTAINED_MINUTES} min or more"
SUSTAINED = (  # metrics, rate, circumstances
    ("urgent_at_rest", VERY_HIGH, " at inferred rest"),
    ("urgent_open", VERY_HIGH, ", exercise or not is not known"),
    ("high_at_rest", HIGH, " at inferred rest"),
    ("high_open", HIGH, " outside bouts, rest not known"),
    ("low_at_rest", LOW, ""),
)


def narrate(facts: Facts) -> Captions:
    """Narrate one local day of heart-rate samples on three levels."""
    return {
        Level.STATISTICAL: statistical(facts),
        Level.STRUCTURAL: structural(facts),
        Level.SEMANTIC: semantic(facts),
    }


def statistical(facts: Facts) -> str:
    """Write the numbers of the day."""
    if facts["sample_count"] == "1":
        return paragraph(
            one_sample(facts), "No statistic can be made of a single sample.", no_baseline(facts), zone_caution(facts)
        )
    return paragraph(
        _recorded(facts),
        _level(facts),
        _whole_day(facts),
        _zones(facts),
        _counts(facts),
        too_sparse(facts),
        _recovery(facts),
        _history(facts),
        zone_caution(facts),
    )


def structural(facts: Facts) -> str:
    """Write the course of the day and its events in time."""
    if facts["sample_count"] == "1":
        return paragraph(one_sample(facts), "A single sample shows no course and no event.", zone_caution(facts))
    return paragraph(
        _span(facts),
        _gaps(facts),
        _hours(facts),
        _rest_window(facts),
        _night_against_day(facts),
        _bouts(facts),
        _sustained(facts),
        too_sparse(facts),
        _week(facts),
        zone_caution(facts),
    )


def _recorded(facts: Facts) -> str:
    hours = pluralise(facts["hours_with_samples"], "hour", "hours")
    return facts.pick(
        "recorded",
        (
            f"On {facts['local_date']}, {facts['sample_count']} heart-rate samples were recorded in {hours} of the day "
            f"({facts['coverage_percent']} %); without pauses they stand for {facts['recorded_minutes']} min.",
            f"For {facts['local_date']} there are {facts['sample_count']} heart-rate samples in {hours} of the day "
            f"({facts['coverage_percent']} %), which stand for {facts['recorded_minutes']} min of recording.",
        ),
    )


def _level(facts: Facts) -> str:
    low, high, mean = (facts[name] for name in ("lowest_bpm", "highest_bpm", "mean_bpm"))
    return facts.pick(
        "level",
        (
            f"They ranged from {low} to {high} bpm; their mean, rest and activity together, was {mean} bpm.",
            f"The lowest was {low} bpm, the highest {high} bpm; all samples, at rest or not, averaged {mean} bpm.",
        ),
    )


def _whole_day(facts: Facts) -> str:
    """State the figures that represent the whole day, or why they are left out."""
    if facts.has("coverage_reason"):
        return (
            f"Too few hours are recorded ({facts['coverage_reason']}), so resting heart rate, means of night and day "
            "and time in zones are not given."
        )
    return paragraph(_resting(facts), _night_and_day(facts))


def _resting(facts: Facts) -> str:
    if not facts.has("resting_bpm"):
        return f"A resting heart rate is not given: {facts['resting_missing_reason']}."
    return facts.pick(
        "resting",
        (
            f"The resting heart rate, taken as the lowest mean of {RESTING_WINDOW_MINUTES} min, was "
            f"{facts['resting_bpm']} bpm.",
            f"Resting heart rate (lowest mean of {RESTING_WINDOW_MINUTES} min): {facts['resting_bpm']} bpm.",
        ),
    )


def _night_and_day(facts: Facts) -> str:
    night, day = facts.has("night_mean_bpm"), facts.has("day_mean_bpm")
    if night and day:
        return (
            f"The night ({NIGHT_SPAN} local) averaged {facts['night_mean_bpm']} bpm and the other hours "
            f"{facts['day_mean_bpm']} bpm, {facts.difference('day_mean_bpm', 'night_mean_bpm')} bpm apart."
        )
    if night:
        return (
            f"The night ({NIGHT_SPAN} local) averaged {facts['night_mean_bpm']} bpm; of the other hours too few hold "
            "samples for a mean."
        )
    if day:
        return (
            f"The hours outside the night ({NIGHT_SPAN} local) averaged {facts['day_mean_bpm']} bpm; of the night too "
            "few hours hold samples for a mean."
        )
    return f"Neither of the night ({NIGHT_SPAN} local) nor of the other hours do enough hold samples for a mean."


def _zones(facts: Facts) -> str:
    if facts.has("coverage_reason"):
        return ""
    if not facts.has("hrmax_used_bpm"):
        return "No time in zones is given, because no maximal heart rate and no adult's age is configured."
    if not facts.has(BELOW_ZONES):
        return ""
    parts = [f"below {ZONE_FLOORS_PERCENT[0]} % {facts[BELOW_ZONES]} min"]
    parts += [f"{zone_span(place)} {facts[name]} min" for place, name in enumerate(ZONE_NAMES)]
    return (
        f"Of the recorded time, by share of HRmax ({facts['hrmax_used_bpm']} bpm, {facts['hrmax_source']}): "
        f"{', '.join(parts)}."
    )


def _counts(facts: Facts) -> str:
    return paragraph(_bout_count(facts), _sustained_counts(facts))


def _bout_count(facts: Facts) -> str:
    if not facts.has("bout_count"):
        return ""
    rule = f"{BOUT_MINUTES} min or more from {facts['bout_floor_bpm']} bpm on"
    if facts["bout_count"] == "0":
        return f"No exercise bout ({rule}) was seen in the recorded time."
    bouts = pluralise(facts["bout_count"], "exercise bout", "exercise bouts")
    return f"In the recorded time {bouts} ({rule}) took {facts['bout_minutes']} min in all."


def _sustained_counts(facts: Facts) -> str:
    """State the sustained rates that were seen, then those that were not."""
    told = [kind for kind in SUSTAINED if facts.has(f"{kind[0]}_count")]
    seen = [kind for kind in told if some(facts, f"{kind[0]}_count")]
    lines = [f"{rate}{where}: {stretches(facts, name)}" for name, rate, where in seen]
    unseen = dict.fromkeys(rate for _, rate, _ in told if rate not in {rate for _, rate, _ in seen})
    outside = " outside exercise bouts" if HIGH in unseen else ""
    return paragraph(
        f"Sustained in the recorded time, {'; '.join(lines)}." if lines else "",
        f"Not seen in the recorded time: a rate {', or '.join(unseen)}{outside}." if unseen else "",
    )


def _recovery(facts: Facts) -> str:
    falls = [
        f"{facts[name]} bpm after {minutes} min"
        for name, minutes in (
            ("recovery_one_minute_bpm", FIRST_RECOVERY_MINUTES),
            ("recovery_two_minutes_bpm", SECOND_RECOVERY_MINUTES),
        )
        if facts.has(name)
    ]
    if falls:
        return f"After the hardest effort the heart rate fell by {' and by '.join(falls)}."
    if some(facts, "bout_count"):
        return "The samples after the hardest effort lie too far apart for a heart rate recovery."
    return ""


def _history(facts: Facts) -> str:
    if not facts.has("resting_against_baseline"):
        return no_baseline(facts)
    return (
        f"Over {facts['baseline_days']} earlier days, of the last {LOOK_BACK_DAYS} days, the resting heart rate "
        f"averaged {facts['resting_baseline_bpm']} bpm (SD {facts['resting_baseline_sd_bpm']} bpm); this day lies "
        f"{facts.difference('resting_bpm', 'resting_baseline_bpm')} bpm from that mean."
    )


def _span(facts: Facts) -> str:
    first, last = facts["first_sample_local"], facts["last_sample_local"]
    return facts.pick(
        "span",
        (
            f"On {facts['local_date']}, heart rate was recorded between {first} and {last} local time, in "
            f"{pluralise(facts['hours_with_samples'], 'hour', 'hours')} of the day.",
            f"The heart-rate record of {facts['local_date']} runs from {first} to {last} local time and reaches into "
            f"{pluralise(facts['hours_with_samples'], 'hour', 'hours')} of the day.",
        ),
    )


def _gaps(facts: Facts) -> str:
    partial = f" ({facts['coverage_reason']})" if facts.has("coverage_reason") else ""
    return (
        f"Without pauses of more than {MAX_GAP_MINUTES} min that is {facts['recorded_minutes']} min{partial}; what "
        "happened outside them is not known."
    )


def _hours(facts: Facts) -> str:
    if not facts.has("calmest_hour_local"):
        return ""
    calm, busy = facts["calmest_hour_local"], facts["busiest_hour_local"]
    return facts.pick(
        "hours",
        (
            f"Of the recorded hours the one from {calm} had the lowest mean and the one from {busy} the highest.",
            f"By hourly means, the lowest hour began at {calm} and the highest at {busy}.",
        ),
    )


def _rest_window(facts: Facts) -> str:
    if not facts.has("resting_bpm"):
        return ""
    return (
        f"The calmest {RESTING_WINDOW_MINUTES} min, which give the resting heart rate, began at "
        f"{facts['resting_start_local']} local time."
    )


def _night_against_day(facts: Facts) -> str:
    if not facts.has("night_mean_bpm", "day_mean_bpm"):
        return "Night and day are not compared, because too few hours of one of them or of the whole day are recorded."
    apart = facts.difference("day_mean_bpm", "night_mean_bpm")
    if facts.number("night_mean_bpm") == facts.number("day_mean_bpm"):
        return f"The night ({NIGHT_SPAN} local) had the same mean as the other hours."
    side = "lower" if facts.number("night_mean_bpm") < facts.number("day_mean_bpm") else "higher"
    return f"In the night ({NIGHT_SPAN} local) the mean was {apart} bpm {side} than in the other hours."


def _bouts(facts: Facts) -> str:
    if not facts.has("bout_count"):
        return ""
    if facts["bout_count"] == "0":
        return (
            f"No exercise bout was seen: the rate did not stay at {facts['bout_floor_bpm']} bpm or above for "
            f"{BOUT_MINUTES} min outside inferred rest in the recorded time."
        )
    which = "It" if facts["bout_count"] == "1" else "The longest"
    return (
        f"{pluralise(facts['bout_count'], 'exercise bout was', 'exercise bouts were')} seen, taken from the heart rate "
        f"alone. {which} began at {facts['longest_bout_start_local']} local time, lasted "
        f"{facts['longest_bout_minutes']} min and reached {facts['longest_bout_peak_bpm']} bpm."
    )


def _sustained(facts: Facts) -> str:
    sentences = []
    for name, rate, where in SUSTAINED:
        if some(facts, f"{name}_count"):
            start = facts[f"{name}_start_local"]
            begin = f"from {start}" if facts[f"{name}_count"] == "1" else f"the longest from {start}"
            sentences.append(f"The rate stayed {rate}{where}: {stretches(facts, name)}, {begin} local time.")
    if some(facts, "high_at_rest_count") or some(facts, "urgent_at_rest_count"):
        sentences.append(
            f"Rest is inferred from the hour or from a length of more than {MAX_BOUT_MINUTES} min, not measured."
        )
    if not sentences and facts.has("high_at_rest_count"):
        return "Outside exercise bouts no sustained high or low rate was seen in the recorded time."
    return paragraph(*sentences)


def _week(facts: Facts) -> str:
    if not facts.has("resting_week_bpm"):
        return "A trend of the resting heart rate is not given: too few days of the look-back have one."
    return (
        f"The mean resting heart rate of the last {WEEK_DAYS} days was {facts['resting_week_bpm']} bpm, after "
        f"{facts['resting_before_week_bpm']} bpm in the days of the look-back before."
    )

"""The semantic text of a heart-rate day: its meaning, its certainty, and when care should be sought."""

from __future__ import annotations

from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.text import above, below, paragraph, zone_caution
from health_etl.clinical.heart_rate.events import (
    MAX_BOUT_MINUTES,
    SUSTAINED_MINUTES,
    URGENT_ABOVE_BPM,
    URGENT_MINUTES,
)
from health_etl.clinical.heart_rate.profile import NIGHT_SPAN
from health_etl.clinical.heart_rate.recovery import (
    COLE_AT_MOST_BPM,
    COLE_SOURCE,
    FIRST_RECOVERY_MINUTES,
    SECOND_RECOVERY_MINUTES,
    SHETLER_BELOW_BPM,
    SHETLER_SOURCE,
)
from health_etl.clinical.heart_rate.resting import (
    ABOVE_RANGE,
    ADULTS,
    BELOW_RANGE,
    BRADYCARDIA_BELOW_BPM,
    IN_RANGE,
    MINORS,
    NO_AGE,
    PREGNANT,
    RESTING_HIGH_BPM,
    RESTING_LOW_BPM,
    RESTING_WINDOW_MINUTES,
    WELL_BELOW_RANGE,
)
from health_etl.clinical.heart_rate.sentences import no_baseline, one_sample, some, stretches, too_sparse
from health_etl.clinical.heart_rate.trends import (
    ABOVE_USUAL,
    BELOW_USUAL,
    OUTLIER_MINIMUM_BPM,
    OUTLIER_SD,
    USUAL,
    WEEK_DAYS,
)
from health_etl.clinical.heart_rate.zones import FROM_AGE

RANGE = f"the conventional adult range of {RESTING_LOW_BPM}–{RESTING_HIGH_BPM} bpm"


def semantic(facts: Facts) -> str:
    """Write what the day means and what it cannot show."""
    if facts["sample_count"] == "1":
        return paragraph(one_sample(facts), "It says nothing about rest or the day.", zone_caution(facts))
    return paragraph(
        _urgent(facts),
        _resting(facts),
        _grade(facts),
        _high(facts),
        _low(facts),
        _nothing_sustained(facts),
        _night(facts),
        too_sparse(facts),
        _recovery(facts),
        _history(facts),
        _trend(facts),
        _reference(facts),
        _unknown(facts),
        zone_caution(facts),
    )


def _urgent(facts: Facts) -> str:
    sentences = []
    stayed = f"stayed above {URGENT_ABOVE_BPM} bpm for {URGENT_MINUTES} min or more"
    if some(facts, "urgent_at_rest_count"):
        sentences.append(
            f"On {facts['local_date']} the heart rate {stayed} while the person was probably at rest: "
            f"{stretches(facts, 'urgent_at_rest')}, up to {facts['urgent_at_rest_peak_bpm']} bpm in the longest, from "
            f"{facts['urgent_at_rest_start_local']} local time. Unless the person was exercising then, care should be "
            "sought without delay, and at once with chest pain, breathlessness or fainting."
        )
    if some(facts, "urgent_open_count"):
        sentences.append(
            f"On {facts['local_date']} the heart rate {stayed} outside the hours of rest: "
            f"{stretches(facts, 'urgent_open')}, up to {facts['urgent_open_peak_bpm']} bpm in the longest, from "
            f"{facts['urgent_open_start_local']} local time. Exercise is a common reason, but heart rate alone cannot "
            "tell it from a fast rhythm: if the person was not exercising, care should be sought without delay."
        )
    return paragraph(*sentences)


def _resting(facts: Facts) -> str:
    if facts.has("coverage_reason"):
        return (
            f"For {facts['local_date']} a resting heart rate is not given, because the hours of rest may be missing "
            f"({facts['coverage_reason']})."
        )
    if not facts.has("resting_bpm"):
        return f"For {facts['local_date']} a resting heart rate is not given: {facts['resting_missing_reason']}."
    bpm, start, measured = (facts[f"resting_{name}"] for name in ("bpm", "start_local", "measured_minutes"))
    return facts.pick(
        "meaning of resting",
        (
            f"On {facts['local_date']} the resting heart rate, taken as the lowest mean of {RESTING_WINDOW_MINUTES} "
            f"min, was {bpm} bpm; the window, from {start} local time, has samples in {measured} min of it.",
            f"The lowest mean of {RESTING_WINDOW_MINUTES} min on {facts['local_date']}, here the resting heart rate, "
            f"was {bpm} bpm; that window began at {start} local time, and {measured} min of it hold samples.",
        ),
    )


def _grade(facts: Facts) -> str:
    if not facts.has("resting_grade"):
        return ""
    resting = facts.number("resting_bpm")
    sentences = {
        IN_RANGE: f"This lies in {RANGE}.",
        BELOW_RANGE: (
            f"This is {below(resting, RESTING_LOW_BPM)} {RANGE}, which is meant for people awake; the lowest mean of a "
            "day often falls in sleep, when rates are lower."
        ),
        WELL_BELOW_RANGE: (
            f"This is {below(resting, BRADYCARDIA_BELOW_BPM)} {BRADYCARDIA_BELOW_BPM} bpm, where a slow heart rate can "
            "become clinically relevant; it can be usual in sleep and in trained people, but with dizziness, fainting "
            "or breathlessness medical advice should be sought."
        ),
        ABOVE_RANGE: (
            f"This is {above(resting, RESTING_HIGH_BPM)} {RANGE}: even the calmest part of the record was fast. If it "
            "is seen again, or comes with chest pain, breathlessness or fainting, medical advice should be sought."
        ),
    }
    return sentences[facts["resting_grade"]]


def _high(facts: Facts) -> str:
    sentences = []
    if some(facts, "high_at_rest_count"):
        sentences.append(
            f"The rate stayed above {RESTING_HIGH_BPM} bpm for {SUSTAINED_MINUTES} min or more in "
            f"{stretches(facts, 'high_at_rest')} of inferred rest (mostly in {NIGHT_SPAN} local, or longer than "
            f"{MAX_BOUT_MINUTES} min); being up and about or very long exercise would look the same. If it was "
            "rest and happens again, or with symptoms, medical advice should be sought."
        )
    if some(facts, "high_open_count"):
        sentences.append(
            f"It also stayed above {RESTING_HIGH_BPM} bpm for {SUSTAINED_MINUTES} min or more in "
            f"{stretches(facts, 'high_open')} outside bouts; light activity does this too, so nothing is concluded."
        )
    return paragraph(*sentences)


def _low(facts: Facts) -> str:
    if not some(facts, "low_at_rest_count"):
        return ""
    return (
        f"The rate stayed below {BRADYCARDIA_BELOW_BPM} bpm for {SUSTAINED_MINUTES} min or more in "
        f"{stretches(facts, 'low_at_rest')}, {facts['low_at_rest_day_minutes']} min of it outside {NIGHT_SPAN} local. "
        "This is usual in sleep and in trained people; with dizziness, fainting or breathlessness medical advice "
        "should be sought."
    )


def _nothing_sustained(facts: Facts) -> str:
    """State that no sustained rate was seen, where the samples could have shown one."""
    names = ("urgent_at_rest", "urgent_open", "high_at_rest", "high_open", "low_at_rest")
    if any(some(facts, f"{name}_count") for name in names) or not facts.has("high_at_rest_count"):
        return ""
    partial = ", which leaves out much of the day" if facts.has("coverage_reason") else ""
    return (
        f"No rate above {RESTING_HIGH_BPM} or below {BRADYCARDIA_BELOW_BPM} bpm that lasted {SUSTAINED_MINUTES} min "
        f"was seen outside exercise bouts in the recorded time{partial}."
    )


def _night(facts: Facts) -> str:
    """State what is worth asking where the heart rate was no lower at night than by day."""
    if not facts.has("night_mean_bpm", "day_mean_bpm"):
        return ""
    if facts.number("night_mean_bpm") < facts.number("day_mean_bpm"):
        return ""
    return (
        f"The night ({NIGHT_SPAN} local) averaged {facts['night_mean_bpm']} bpm, not below the other hours with "
        f"{facts['day_mean_bpm']} bpm. Asleep the heart usually beats more slowly; a late night, night work, illness "
        "or a wrong time zone can turn this round, and which of them applies is not known."
    )


def _recovery(facts: Facts) -> str:
    tested = []
    if facts.has("recovery_one_minute_bpm"):
        tested.append(
            f"{facts['recovery_one_minute_bpm']} bpm after {FIRST_RECOVERY_MINUTES} min ({COLE_SOURCE} calls "
            f"{COLE_AT_MOST_BPM} bpm or less abnormal)"
        )
    if facts.has("recovery_two_minutes_bpm"):
        tested.append(
            f"{facts['recovery_two_minutes_bpm']} bpm after {SECOND_RECOVERY_MINUTES} min ({SHETLER_SOURCE} calls less "
            f"than {SHETLER_BELOW_BPM} bpm abnormal)"
        )
    if not tested:
        return ""
    return (
        f"After the hardest effort the rate fell by {' and by '.join(tested)}. These limits hold after a maximal "
        "exercise test; in daily life people often slow down rather than stop, so the fall is not graded."
    )


def _history(facts: Facts) -> str:
    if not facts.has("resting_against_baseline"):
        return no_baseline(facts)
    own = f"the person's own mean of {facts['resting_baseline_bpm']} bpm over {facts['baseline_days']} earlier days"
    apart = facts.difference("resting_bpm", "resting_baseline_bpm")
    sentences = {
        USUAL: f"Against {own} this day is not unusual.",
        ABOVE_USUAL: (
            f"It lies {apart} bpm above {own}, more than {OUTLIER_SD} SD. Illness, heat, alcohol, stress or hard "
            "training can raise it; which of them, if any, is not known."
        ),
        BELOW_USUAL: (
            f"It lies {apart} bpm below {own}, more than {OUTLIER_SD} SD. Rest, training or a changed way of wearing "
            "the device can lower it; which of them, if any, is not known."
        ),
    }
    return sentences[facts["resting_against_baseline"]]


def _trend(facts: Facts) -> str:
    if not facts.has("resting_week_bpm"):
        return ""
    apart = facts.difference("resting_week_bpm", "resting_before_week_bpm")
    if float(apart) < OUTLIER_MINIMUM_BPM:
        return (
            f"The mean of the last {WEEK_DAYS} days differs from that of the days before by {apart} bpm, too little to "
            "speak of a trend."
        )
    side = "higher" if facts.number("resting_week_bpm") > facts.number("resting_before_week_bpm") else "lower"
    return f"The mean of the last {WEEK_DAYS} days is {apart} bpm {side} than that of the days of the look-back before."


def _reference(facts: Facts) -> str:
    """State whose limits are used, and how far HRmax can be trusted."""
    limits = {
        NO_AGE: "No age is configured, so the limits are the defaults for adults.",
        ADULTS: "The limits are those of adults.",
        PREGNANT: "The limits are those of adults; in pregnancy the resting heart rate is usually higher than before.",
        MINORS: f"Limits: {MINORS}, so the resting heart rate is not graded; the other limits named are an adult's.",
    }
    from_age = facts.has("hrmax_source") and facts["hrmax_source"] == FROM_AGE
    doubt = "HRmax is worked out from the age, and a single person's may differ clearly from it." if from_age else ""
    if not facts.has("hrmax_source"):
        doubt = "Zones are not given and bouts use a default rate, because no maximal heart rate is known."
    return paragraph(limits[facts["reference_group"]], doubt)


def _unknown(facts: Facts) -> str:
    return facts.pick(
        "unknown",
        (
            "Movement, posture, sleep and medicines that slow the heart are not in these records.",
            "These records do not say whether the person moved or slept, or took medicines that change the heart rate.",
        ),
    )

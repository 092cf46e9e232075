"""The three texts about the sleep of a local night: statistical and structural here, semantic in semantic.py."""

from __future__ import annotations

from health_etl.clinical.common.base import Captions, Facts, Level
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import paragraph, pluralise, zone_caution
from health_etl.clinical.sleep_session.limits import (
    AGE_GUIDELINE,
    COVERAGE_GUIDELINE,
    DURATION_GUIDELINE,
    LONG_AWAKENING_MINUTES,
    QUALITY_GUIDELINE,
)
from health_etl.clinical.sleep_session.periods import JOINED_WITHIN_MINUTES, MINIMUM_MAIN_SLEEP_MINUTES
from health_etl.clinical.sleep_session.semantic import DEBT_GUIDELINE, REGULARITY_GUIDELINE, semantic
from health_etl.clinical.sleep_session.timing import SRI_SCALE
from health_etl.clinical.sleep_session.trends import (
    DEBT_NIGHTS,
    MINIMUM_DEBT_NIGHTS,
    MINIMUM_FREE_DAY_NIGHTS,
    MINIMUM_NIGHTS,
    MINIMUM_SRI_PAIR_DAYS,
    MINIMUM_WORKDAY_NIGHTS,
)

LOOK_BACK_GUIDELINE = (
    f"Look-back: the usual sleep time rests on at least {MINIMUM_NIGHTS} judged nights of the {LOOK_BACK_DAYS} before "
    f"this one; mid-sleep on at least {MINIMUM_NIGHTS} of the last {LOOK_BACK_DAYS} nights, this one included; social "
    f"jetlag on at least {MINIMUM_WORKDAY_NIGHTS} nights before workdays and {MINIMUM_FREE_DAY_NIGHTS} before free "
    "days (Saturday and Sunday, an assumption)."
)
MAIN_SLEEP_GUIDELINE = (
    f"A main sleep lasts at least {MINIMUM_MAIN_SLEEP_MINUTES} min in bed; sessions at most {JOINED_WITHIN_MINUTES} "
    "min apart are one sleep and the time between them is wake; all other sleeps are naps."
)
GUIDELINES = (
    DURATION_GUIDELINE,
    QUALITY_GUIDELINE,
    AGE_GUIDELINE,
    COVERAGE_GUIDELINE,
    MAIN_SLEEP_GUIDELINE,
    LOOK_BACK_GUIDELINE,
    REGULARITY_GUIDELINE,
    DEBT_GUIDELINE,
)

INSTRUCTIONS = {
    Level.STATISTICAL: (
        "Give the sleep numbers of this night with their units.",
        "Summarise duration, continuity and stages of this night's sleep in numbers.",
        "List what was measured in this night's sleep and over the nights before it.",
    ),
    Level.STRUCTURAL: (
        "Describe how this night's sleep went in time, from bedtime to rising.",
        "Tell the course of this night: when sleep came, what interrupted it, when it ended.",
        "Place this night among the nights before it: timing, regularity, naps.",
    ),
    Level.SEMANTIC: (
        "Interpret the sleep of this night against the guidelines, and say how sure that is.",
        "Explain what this night's sleep means for an adult's recommended sleep, with its limits.",
        "Judge duration and quality of this night's sleep, and name what the data cannot tell.",
    ),
}


def narrate(facts: Facts) -> Captions:
    """Narrate the sleep of one local night on three levels."""
    return {
        Level.STATISTICAL: paragraph(statistical(facts), zone_caution(facts)),
        Level.STRUCTURAL: paragraph(structural(facts), zone_caution(facts)),
        Level.SEMANTIC: paragraph(semantic(facts), zone_caution(facts)),
    }


def statistical(facts: Facts) -> str:
    """Write the numbers of the night and of the look-back."""
    if not facts.has("tst_minutes"):
        return paragraph(_no_main_sleep(facts), _nap_sleep(facts), _usual(facts), _timing_numbers(facts), _debt(facts))
    return paragraph(
        _main_numbers(facts),
        _continuity(facts) if not facts.has("coverage_reason") else _too_little(facts),
        _stages(facts),
        _nap_sleep(facts),
        _usual(facts),
        _timing_numbers(facts),
        _debt(facts),
    )


def _no_main_sleep(facts: Facts) -> str:
    return facts.pick(
        "no main sleep",
        (
            f"No main sleep of the night ending on {facts['local_date']} was recorded.",
            f"The night ending on {facts['local_date']} holds no record of a main sleep.",
        ),
    )


def _main_numbers(facts: Facts) -> str:
    start, end, date = facts["bed_time_local"], facts["wake_time_local"], facts["local_date"]
    in_bed, asleep = facts["tib_minutes"], facts["tst_minutes"]
    source = facts["main_sleep_source_app"]
    return facts.pick(
        "main numbers",
        (
            f"In the night ending on {date} the main sleep, as recorded by {source}, lasted from {start} to {end} "
            f"local time: {in_bed} min in bed, {asleep} min of them counted as sleep.",
            f"Main sleep of the night ending on {date} (recorded by {source}): time in bed {in_bed} min, from "
            f"{start} to {end} local time; total sleep time {asleep} min.",
            f"For the night ending on {date}, {source} recorded a main sleep of {in_bed} min in bed ({start} to {end} "
            f"local time) with {asleep} min of sleep.",
        ),
    )


def _too_little(facts: Facts) -> str:
    return (
        f"Its stages are missing or too few to judge ({facts['coverage_reason']}): the {facts['tst_minutes']} min are "
        "the length of the record less any wake recorded in it, and efficiency, latency, wake after sleep onset, "
        "awakenings and stages are left out."
    )


def _continuity(facts: Facts) -> str:
    coverage = f"Stages cover {facts['coverage_percent']} % of it."
    efficiency = f"Sleep efficiency was {facts['se_percent']} %"
    if not facts.has("sol_minutes"):
        return f"{efficiency}; no moment of sleep was recorded. {coverage}"
    return (
        f"{efficiency}, sleep onset latency {facts['sol_minutes']} min and wake after sleep onset "
        f"{facts['waso_minutes']} min, in {_awakenings(facts)}. {coverage}"
    )


def _awakenings(facts: Facts) -> str:
    count, long_ones = facts["awakening_count"], facts["awakening_over_5_min_count"]
    if count == "0":
        return "no awakenings"
    if count == "1":
        return f"{count} awakening, {'' if long_ones == '1' else 'not '}longer than {LONG_AWAKENING_MINUTES} min"
    few = "none" if long_ones == "0" else long_ones
    return f"{count} awakenings, {few} of them longer than {LONG_AWAKENING_MINUTES} min"


def _stages(facts: Facts) -> str:
    if facts.has("coverage_reason"):
        return ""
    if not facts.has("light_minutes"):
        return "Light, deep and REM sleep were not told apart for enough of the night."
    latency = ""
    if facts.has("rem_latency_minutes"):
        latency = f" The first REM sleep came {facts['rem_latency_minutes']} min after the first sleep."
    return (
        f"Light sleep took {facts['light_minutes']} min ({facts['light_percent']} % of the sleep), deep sleep "
        f"{facts['deep_minutes']} min ({facts['deep_percent']} %) and REM sleep {facts['rem_minutes']} min "
        f"({facts['rem_percent']} %), as the device estimated them.{latency}"
    )


def _nap_sleep(facts: Facts) -> str:
    if not facts.has("nap_minutes"):
        return ""
    naps = pluralise(facts["nap_count"], "nap", "naps")
    if facts.has("sleep_with_naps_minutes"):
        return (
            f"Apart from the main sleep, {naps} came to {facts['nap_minutes']} min of sleep, which makes "
            f"{facts['sleep_with_naps_minutes']} min with the main sleep."
        )
    return f"Apart from any main sleep, {naps} came to {facts['nap_minutes']} min of sleep."


def _usual(facts: Facts) -> str:
    nights = pluralise(facts["baseline_night_count"], "judged night", "judged nights")
    if not facts.has("mean_tst_minutes"):
        return (
            f"There is no usual sleep time yet: {nights} of the {LOOK_BACK_DAYS} before this one, {MINIMUM_NIGHTS} "
            "needed."
        )
    usual = (
        f"Over {nights} of the {LOOK_BACK_DAYS} before this one the sleep time averaged "
        f"{facts['mean_tst_minutes']} min (SD {facts['sd_tst_minutes']} min)"
    )
    if not facts.has("sleep_with_naps_minutes"):
        return f"{usual}; this night is not compared with it."
    apart = facts.number("tst_minutes") - facts.number("mean_tst_minutes")
    if apart == 0:
        return f"{usual}; this night's main sleep equals that."
    return f"{usual}; this night's lay {_apart(facts)} min {'above' if apart > 0 else 'below'} it."


def _apart(facts: Facts) -> str:
    return facts.difference("tst_minutes", "mean_tst_minutes")


def _timing_numbers(facts: Facts) -> str:
    return paragraph(_mid_sleep(facts), _jetlag(facts), _sri(facts))


def _mid_sleep(facts: Facts) -> str:
    nights = pluralise(facts["timed_night_count"], "night", "nights")
    if facts.has("mean_mid_sleep_local"):
        return (
            f"Over {facts['timed_night_count']} of the last {LOOK_BACK_DAYS} nights, mid-sleep was at "
            f"{facts['mean_mid_sleep_local']} local time "
            f"on average (SD {facts['mid_sleep_sd_minutes']} min)."
        )
    return (
        f"Mid-sleep has no average yet: {nights} of the last {LOOK_BACK_DAYS} with a main sleep, {MINIMUM_NIGHTS} "
        "needed."
        if facts.number("timed_night_count") < MINIMUM_NIGHTS
        else f"Mid-sleep lay so evenly round the clock over {nights} that it has no average."
    )


def _jetlag(facts: Facts) -> str:
    free = pluralise(facts["free_day_night_count"], "night", "nights")
    work = pluralise(facts["workday_night_count"], "night", "nights")
    if not facts.has("social_jetlag_minutes"):
        return (
            f"Social jetlag is not told: it rests on {work} before workdays ({MINIMUM_WORKDAY_NIGHTS} needed) and "
            f"{free} before Saturdays and Sundays ({MINIMUM_FREE_DAY_NIGHTS} needed)."
        )
    corrected = f"; corrected for catch-up sleep, {facts['msf_sc_local']}" if facts.has("msf_sc_local") else ""
    return (
        f"Mid-sleep was at {facts['msw_local']} on workdays ({work}) and at {facts['msf_local']} on Saturdays and "
        f"Sundays ({free}){corrected}: a social jetlag of {facts['social_jetlag_minutes']} min."
    )


def _sri(facts: Facts) -> str:
    compared = f"{facts['sri_pair_days']} days of comparable minutes"
    nights = pluralise(facts["timed_night_count"], "night", "nights")
    if not facts.has("sri_points"):
        return (
            f"The sleep regularity index is not told: {compared} in {nights}, {MINIMUM_SRI_PAIR_DAYS} days and "
            f"{MINIMUM_NIGHTS} nights needed."
        )
    return (
        f"The sleep regularity index was {facts['sri_points']} points on the scale from −{SRI_SCALE} to {SRI_SCALE} "
        f"points, over {compared}."
    )


def _debt(facts: Facts) -> str:
    nights = f"{pluralise(facts['debt_night_count'], 'judged night', 'judged nights')} of the last {DEBT_NIGHTS}"
    if facts.has("sleep_debt_minutes"):
        return f"Sleep debt over {nights}: {facts['sleep_debt_minutes']} min below the recommended range."
    if facts.number("debt_night_count") < MINIMUM_DEBT_NIGHTS:
        return f"Sleep debt is not told: {nights}, {MINIMUM_DEBT_NIGHTS} needed."
    return ""


def structural(facts: Facts) -> str:
    """Write the course of the night and its place among the nights before."""
    if not facts.has("tst_minutes"):
        return paragraph(_no_main_sleep(facts), _naps_in_time(facts), _patterns(facts))
    return paragraph(
        _course(facts),
        _interruptions(facts),
        _stages_in_time(facts),
        _sessions(facts),
        _naps_in_time(facts),
        _patterns(facts),
    )


def _patterns(facts: Facts) -> str:
    if facts.has("mean_mid_sleep_local") or facts.has("social_jetlag_minutes") or facts.has("sri_points"):
        return _timing_numbers(facts)
    nights = pluralise(facts["timed_night_count"], "night", "nights")
    return (
        f"No pattern over several nights is told yet: {nights} of the last {LOOK_BACK_DAYS} with a timed main sleep, "
        f"at least {MINIMUM_NIGHTS} needed."
    )


def _course(facts: Facts) -> str:
    start, end, date = facts["bed_time_local"], facts["wake_time_local"], facts["local_date"]
    opening = facts.pick(
        "course",
        (
            f"The main sleep of the night ending on {date} was recorded from {start} to {end} local time.",
            f"In the night ending on {date} the record of the main sleep begins at {start} and ends at {end} local "
            "time.",
        ),
    )
    if facts.has("coverage_reason"):
        middle = f" Its middle lies at {facts['mid_sleep_local']}." if facts.has("mid_sleep_local") else ""
        return (
            f"{opening}{middle} Its course is not told, because stages are missing or too few "
            f"({facts['coverage_reason']})."
        )
    if not facts.has("sleep_onset_local"):
        return f"{opening} All of it was recorded as wake."
    return (
        f"{opening} Sleep came at {facts['sleep_onset_local']}, {facts['sol_minutes']} min after the start, and the "
        f"last moment asleep was at {facts['sleep_end_local']}: a sleep period of {facts['sleep_period_minutes']} min "
        f"with its middle at {facts['mid_sleep_local']}."
    )


def _interruptions(facts: Facts) -> str:
    if not facts.has("awakening_count"):
        return ""
    if not facts.has("longest_awakening_minutes"):
        return "No awakening was recorded in it."
    longest = "it" if facts["awakening_count"] == "1" else "the longest"
    return (
        f"It was broken by {_awakenings(facts)}; {longest} began at {facts['longest_awakening_local']} and lasted "
        f"{facts['longest_awakening_minutes']} min."
    )


def _stages_in_time(facts: Facts) -> str:
    sentences = []
    if facts.has("deep_first_half_percent"):
        sentences.append(
            f"{facts['deep_first_half_percent']} % of the deep sleep lay in the first half of the sleep period."
        )
    if facts.has("rem_latency_minutes"):
        sentences.append(f"REM sleep first appeared {facts['rem_latency_minutes']} min after sleep had come.")
    return paragraph(*sentences)


def _sessions(facts: Facts) -> str:
    sentences = []
    if facts["joined_session_count"] != "1":
        sentences.append(
            f"The main sleep is made up of {facts['joined_session_count']} sessions, at most {JOINED_WITHIN_MINUTES} "
            "min apart, and the time between them counts as wake."
        )
    if facts["alternate_session_count"] != "0":
        sessions = pluralise(facts["alternate_session_count"], "further session", "further sessions")
        sentences.append(f"The same sleep stands in {sessions}, kept apart and not added.")
    return paragraph(*sentences)


def _naps_in_time(facts: Facts) -> str:
    if not facts.has("nap_times_local"):
        return ""
    if facts["nap_count"] == "1":
        return f"A nap was recorded besides ({facts['nap_times_local']} local time)."
    return f"{facts['nap_count']} naps were recorded besides ({facts['nap_times_local']} local time)."

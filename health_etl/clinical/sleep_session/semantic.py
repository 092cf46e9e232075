"""The semantic text of a night's sleep: its meaning by named guidelines, and how certain that is."""

from __future__ import annotations

from health_etl.clinical.common.age import ADULT_FROM_YEARS
from health_etl.clinical.common.base import Facts
from health_etl.clinical.common.look_back import LOOK_BACK_DAYS
from health_etl.clinical.common.text import paragraph, pluralise
from health_etl.clinical.sleep_session.limits import (
    DURATION_SHORT_SOURCE,
    GOOD_SE_PERCENT,
    GOOD_SOL_MINUTES,
    LIMITS,
    LONG_AWAKENING_MINUTES,
    QUALITY_SHORT_SOURCE,
)
from health_etl.clinical.sleep_session.timing import SRI_SCALE
from health_etl.clinical.sleep_session.trends import (
    DEBT_NIGHTS,
    MINIMUM_DEBT_NIGHTS,
    MINIMUM_NIGHTS,
    MINIMUM_SRI_PAIR_DAYS,
)

SRI_SHORT_SOURCE = "Phillips 2017"
JETLAG_SHORT_SOURCE = "Wittmann 2006"

REGULARITY_GUIDELINE = (
    f"Sleep regularity index ({SRI_SHORT_SOURCE}): from −{SRI_SCALE} to {SRI_SCALE} points, {SRI_SCALE} points for "
    f"the same sleep at the same times every day; told for at least {MINIMUM_SRI_PAIR_DAYS} days of comparable "
    f"minutes in {MINIMUM_NIGHTS} of the last {LOOK_BACK_DAYS} nights, and not graded. Social jetlag after "
    f"{JETLAG_SHORT_SOURCE}."
)
DEBT_GUIDELINE = (
    f"Sleep debt: what sleep with naps falls short of the recommended range ({DURATION_SHORT_SOURCE}), added up over "
    f"the last {DEBT_NIGHTS} nights, this one included; told for at least {MINIMUM_DEBT_NIGHTS} judged nights."
)


def semantic(facts: Facts) -> str:
    """Write what the night means."""
    if not facts.has("tst_minutes"):
        return paragraph(_nothing_to_judge(facts), _debt(facts), _patterns(facts), _ages(facts))
    if facts.has("coverage_reason"):
        return paragraph(_not_judged(facts), _debt(facts), _patterns(facts), _ages(facts))
    return paragraph(
        _duration(facts),
        _marks(facts),
        _debt(facts),
        _patterns(facts),
        _ages(facts),
        _uncertainty(facts),
        _care(facts),
    )


def _nothing_to_judge(facts: Facts) -> str:
    naps = " beyond naps" if facts.has("nap_minutes") else ""
    return (
        f"For the night ending on {facts['local_date']} nothing was recorded{naps} that could be judged as a main "
        "sleep. That does not mean that the person did not sleep: the device may not have been worn, or not "
        "synchronised."
    )


def _not_judged(facts: Facts) -> str:
    return (
        f"The sleep of the night ending on {facts['local_date']} is not judged, because its stages are missing or too "
        f"few ({facts['coverage_reason']}): how much of the {facts['tib_minutes']} min in bed was sleep, and how "
        "sound it was, is not known."
    )


def _duration(facts: Facts) -> str:
    asleep, date = facts["tst_minutes"], facts["local_date"]
    if not facts.has("duration_class"):
        return f"The main sleep of the night ending on {date} came to {asleep} min."
    limits = LIMITS[facts["reference_ages"]]
    recommended, possible = limits.recommended_minutes, limits.may_be_appropriate_minutes
    naps = " Naps are not counted in it." if facts.has("nap_minutes") else ""
    opening = facts.pick(
        "duration",
        (
            f"In the night ending on {date} the main sleep of {asleep} min falls in the class",
            f"The {asleep} min of main sleep in the night ending on {date} belong to the class",
            f"With {asleep} min, the main sleep of the night ending on {date} counts to the class",
        ),
    )
    return (
        f'{opening} "{facts["duration_class"]}" of the National Sleep Foundation ({DURATION_SHORT_SOURCE}): for '
        f"adults of {facts['reference_ages']}, {recommended[0]}–{recommended[1]} min are recommended and "
        f"{possible[0]}–{possible[1]} min may be appropriate. The ranges speak of habitual sleep, of which a single "
        f"night says little.{naps}"
    )


def _marks(facts: Facts) -> str:
    if not facts.has("sol_mark"):
        return ""
    limits = LIMITS[facts["reference_ages"]]
    awakenings = pluralise(str(limits.long_awakenings), "awakening", "awakenings")
    told = {
        "se_mark": f"an efficiency of at least {GOOD_SE_PERCENT} %",
        "sol_mark": f"a latency of at most {GOOD_SOL_MINUTES} min",
        "waso_mark": f"wake after sleep onset of at most {limits.waso_minutes} min",
        "awakening_mark": f"at most {awakenings} longer than {LONG_AWAKENING_MINUTES} min",
    }
    met = [text for name, text in told.items() if facts[name] == "met"]
    missed = [text for name, text in told.items() if facts[name] == "missed"]
    of = f"Of the marks of good sleep ({QUALITY_SHORT_SOURCE})"
    if not missed:
        return f"{of}, all four are met: {_listed(met)}."
    if not met:
        return f"{of}, none is met: {_listed(missed)}."
    return f"{of}, this night meets {_listed(met)}, and misses {_listed(missed)}."


def _listed(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _debt(facts: Facts) -> str:
    if not facts.has("sleep_debt_minutes"):
        return ""
    lowest = LIMITS[facts["reference_ages"]].recommended_minutes[0]
    nights = f"{pluralise(facts['debt_night_count'], 'judged night', 'judged nights')} of the last {DEBT_NIGHTS}"
    if facts.values["sleep_debt_minutes"] == 0:
        return f"Over {nights}, sleep with naps fell short of {lowest} min in none."
    return (
        f"Over the {nights}, sleep with naps fell short of {lowest} min a night by {facts['sleep_debt_minutes']} min "
        "in all; longer nights in between are not set against it, and how much sleep a person needs differs."
    )


def _patterns(facts: Facts) -> str:
    sentences = []
    if facts.has("sri_points"):
        sentences.append(
            f"The sleep regularity index of {facts['sri_points']} points ({SRI_SHORT_SOURCE}) is told and not graded, "
            "as published limits depend on the device and the method."
        )
    if facts.has("social_jetlag_minutes"):
        sentences.append(
            f"The social jetlag of {facts['social_jetlag_minutes']} min ({JETLAG_SHORT_SOURCE}) takes Saturdays and "
            "Sundays for free days, which is an assumption, and does not know who used an alarm."
        )
    if not sentences and not facts.has("mean_tst_minutes"):
        sentences.append("There are too few nights on record to say what is usual for this person.")
    return paragraph(*sentences)


def _ages(facts: Facts) -> str:
    if not facts.has("reference_ages"):
        return (
            "The limits for duration and quality are those of adults and are not applied to a person under "
            f"{ADULT_FROM_YEARS} years."
        )
    if facts.has("age_band"):
        return ""
    return f"No age is configured, so the limits of adults of {facts['reference_ages']} were used as defaults."


def _uncertainty(facts: Facts) -> str:
    return facts.pick(
        "uncertainty",
        (
            "Sleep and its stages are the device's estimate: such devices tend to take quiet wake for sleep, and the "
            "latency starts with the record, not with lights out.",
            "All of this rests on what a consumer device estimated; it tends to take quiet wake for sleep, and it does "
            "not know when the lights went out.",
        ),
    )


def _care(facts: Facts) -> str:
    marks = ("se_mark", "sol_mark", "waso_mark", "awakening_mark")
    troubled = any(facts.has(mark) and facts[mark] == "missed" for mark in marks)
    unusual = facts.has("duration_class") and facts["duration_class"].startswith("not recommended")
    if not (troubled or unusual):
        return ""
    return facts.pick(
        "care",
        (
            "A single night is no finding; if nights like this one go on for weeks or make the days hard, a "
            "clinician can help.",
            "One night proves nothing; sleep that stays like this for weeks or makes the days hard is worth raising "
            "with a clinician.",
        ),
    )

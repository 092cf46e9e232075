"""`health-etl profiles`: what is known about people, which thresholds depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from health_etl.days import profiles
from health_etl.days.profiles import PROFILES_KEY, Profile, parse_profile
from health_etl.errors import PermanentError
from health_etl.lake.store import connect
from health_etl.settings import load
from health_etl.uploads.ingest import check_user_id

OPTIONS = {
    "birth_year": "--birth-year",
    "sex": "--sex",
    "hrmax_bpm": "--hrmax",
    "conditions": "--condition",
}
NEXT = "The next `health-etl run` updates everything that depends on it."


def set_profile(
    console: Console,
    user_id: str,
    birth_year: str | None,
    sex: str | None,
    hrmax_bpm: str | None,
    conditions: Sequence[str] | None,
) -> None:
    """Change these values of one person's profile and keep the rest; an empty text clears a value."""
    check_user_id(user_id)
    given = {"birth_year": birth_year, "sex": sex, "hrmax_bpm": hrmax_bpm}
    requested = {name: value.strip() for name, value in given.items() if value is not None}
    if not requested and conditions is None:
        raise PermanentError(f"Nothing to set: give at least one of {', '.join(OPTIONS.values())}.")
    words = [word.strip() for word in conditions or () if word.strip()]
    try:
        new = parse_profile(conditions=words, **requested)
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        raise PermanentError(f"{OPTIONS[name]} {rest}.") from None
    changed = [*requested, *(["conditions"] if conditions is not None else [])]
    lake = connect(load())
    known = profiles.read(lake)
    before = known.get(user_id, Profile())
    after = replace(before, **{name: getattr(new, name) for name in changed})
    if user_id in known and after == before:
        console.print("Nothing changed: the profile already says that.")
        return
    profiles.write(lake, {**known, user_id: after})
    console.print(f"Set {', '.join(changed)} of {escape(user_id)} in {escape(lake.uri(PROFILES_KEY))}.")
    console.print(NEXT)


def show(console: Console, user_id: str | None) -> None:
    """Print one profile, or all."""
    known = profiles.read(connect(load()))
    if user_id is not None and user_id not in known:
        raise _nobody(user_id)
    if not known:
        console.print("Nobody has a profile; adult defaults apply to everyone.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in profiles.COLUMNS:
        table.add_column(column, no_wrap=True)
    for shown in [user_id] if user_id is not None else sorted(known):
        table.add_row(escape(shown), *known[shown].cells())
    console.print(table)


def remove(console: Console, user_id: str) -> None:
    """Delete one person's profile."""
    lake = connect(load())
    known = profiles.read(lake)
    if user_id not in known:
        raise _nobody(user_id)
    profiles.write(lake, {other: profile for other, profile in known.items() if other != user_id})
    console.print(f"Removed the profile of {escape(user_id)}; adult defaults apply again. {NEXT}")


def _nobody(user_id: str) -> PermanentError:
    return PermanentError(f"{user_id} has no profile; `health-etl profiles show` lists the profiles there are.")

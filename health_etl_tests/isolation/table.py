"""The table: every stage and its bad items."""

from __future__ import annotations

from health_etl_tests.isolation import bad_days, bad_files, bad_keys, bad_messages, bad_rows
from health_etl_tests.isolation.items import BadItem, Kept, Stage, Store

# None of them leaves a row behind, so all tables are the same bytes as without.
REFUSED: tuple[BadItem, ...] = (
    *bad_keys.UNCLAIMED,
    bad_keys.LEADING_SLASH,
    *bad_keys.NO_UPLOADS,
    *bad_keys.ELSEWHERE,
    *bad_files.FETCHED,
    *bad_files.DECODED,
    *bad_files.WRITTEN,
    *bad_rows.WHOLE_FILES,
)
# Some of their records are good.
PARTLY_GOOD: tuple[BadItem, ...] = bad_rows.FIXTURES

ITEMS = (*REFUSED, *PARTLY_GOOD)


def items_on(store: Store, among: tuple[BadItem, ...] = ITEMS) -> list[BadItem]:
    """Return the bad items that a kind of store can hold."""
    return [item for item in among if store in item.stores]


def named(among: tuple[BadItem, ...] | list[BadItem]) -> list[BadItem]:
    """Return the bad items that somebody must hear of."""
    return [item for item in among if item.kept is not Kept.NOTHING]


def stages() -> set[Stage]:
    """Return the stages that have a bad item."""
    found = {item.stage for item in ITEMS} | {day.stage for day in bad_days.DAYS}
    return found | ({Stage.PARSE_MESSAGES} if bad_messages.MESSAGES else set())

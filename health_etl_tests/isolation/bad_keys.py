"""Keys that belong to no partition, and some that are no uploads at all."""

from __future__ import annotations

from collections.abc import Callable

from health_etl.reasons import FileReason
from health_etl_tests.isolation.items import (
    CANARY,
    DAY_FOLDER,
    STEPS_FOLDER,
    BadItem,
    Kept,
    Stage,
    Store,
    World,
    file_name,
)
from health_etl_tests.support.exports import avro_bytes, steps

GOOD_EXPORT = avro_bytes("steps", [steps("of-a-bad-key", count=7777)])
NAME = file_name(CANARY, GOOD_EXPORT)
BOTH = frozenset(Store)
FOLDER, S3 = frozenset({Store.FOLDER}), frozenset({Store.S3})
OUTSIDE = FileReason.OUTSIDE_PARTITIONS
ARABIC_DATE = "٢٠٢٥/٠٩/٢١"
MAX_NAME_BYTES = 255


def _unclaimed(
    what: str,
    key: str | bytes,
    stores: frozenset[Store] = BOTH,
    reason: FileReason = FileReason.KEY_UNPARSEABLE,
    place: Callable[[World, BadItem], None] | None = None,
) -> BadItem:
    raw = key.encode() if isinstance(key, str) else key
    return BadItem(Stage.LIST, what, raw, GOOD_EXPORT, Kept.UNCLAIMED, reason, stores, place)


def _no_upload(what: str, key: str, stores: frozenset[Store]) -> BadItem:
    return BadItem(Stage.LIST, what, key.encode(), b"", Kept.NOTHING, "", stores)


def _loop(world: World, item: BadItem) -> None:
    """Put a link that leads to itself."""
    world.link(item.key, item.key.rpartition(b"/")[2])


UNCLAIMED: tuple[BadItem, ...] = (
    # keys that no client may ask for
    _unclaimed("a folder without a name", f"{STEPS_FOLDER}/a{NAME}", S3),
    _unclaimed("two folders without a name", f"raw/StepsRecord//{DAY_FOLDER}/b{NAME}", S3),
    _unclaimed("a folder of another type without a name", f"raw/HeartRateRecord//c{NAME}", S3),
    _unclaimed("a folder called .", f"{STEPS_FOLDER}./d{NAME}", S3),
    _unclaimed("a folder called ..", f"{STEPS_FOLDER}../e{NAME}", S3),
    _unclaimed("a tab", f"{STEPS_FOLDER}\tf{NAME}"),
    _unclaimed("a line feed", f"{STEPS_FOLDER}\ng{NAME}"),
    _unclaimed("a carriage return", f"{STEPS_FOLDER}\rh{NAME}"),
    _unclaimed("a control character", f"{STEPS_FOLDER}\x01i{NAME}"),
    _unclaimed("a delete character", f"{STEPS_FOLDER}\x7fj{NAME}"),
    _unclaimed("a name that is not UTF-8", f"{STEPS_FOLDER}k".encode() + b"\xe9" + NAME.encode(), FOLDER),
    _unclaimed("a folder that is not UTF-8", b"raw/Steps\xffRecord/" + f"{DAY_FOLDER}l{NAME}".encode(), FOLDER),
    _unclaimed("a link to itself", f"{STEPS_FOLDER}m{NAME}", FOLDER, place=_loop),
    # keys that a client may ask for, of another form
    _unclaimed("a date in other digits", f"raw/StepsRecord/{ARABIC_DATE}/n{NAME}"),
    _unclaimed("a date that does not exist", f"raw/StepsRecord/2025/02/30/o{NAME}"),
    _unclaimed("a date of one digit", f"raw/StepsRecord/2025/9/21/p{NAME}"),
    _unclaimed("no date", f"raw/StepsRecord/q{NAME}"),
    _unclaimed("no folder", f"raw/r{NAME}"),
    _unclaimed("a folder too many", f"{STEPS_FOLDER}more/s{NAME}"),
    _unclaimed("a bracket in a folder", f"raw/StepsRecord/2025/[/red]/t{NAME}"),
    _unclaimed("a name in place of a year", f"raw/StepsRecord/{CANARY}/09/21/4{NAME}"),
    _unclaimed("a name in place of a type", f"raw/{CANARY}/{DAY_FOLDER}5{NAME}", reason=FileReason.UNKNOWN_TYPE),
    _unclaimed("a name of another form", f"{STEPS_FOLDER}{CANARY}.avro"),
    _unclaimed("a name with a stamp in other digits", f"{STEPS_FOLDER}u{CANARY}_٢٠٢٥٠٩٢١_٠٦٠٠٠٠_phone_2d429326.avro"),
    _unclaimed(
        "a name with a time that does not exist", f"{STEPS_FOLDER}v{CANARY}_20250921_256161_phone_2d429326.avro"
    ),
    _unclaimed("a name with a line separator", f"{STEPS_FOLDER}w{CANARY}\u2028x.avro"),
    _unclaimed("a long name of another form", f"{STEPS_FOLDER}{CANARY.ljust(MAX_NAME_BYTES - 5, 'x')}.avro"),
    _unclaimed("an unknown type", f"raw/WeightRecord/{DAY_FOLDER}y{NAME}", reason=FileReason.UNKNOWN_TYPE),
    _unclaimed("a type in wide letters", f"raw/ＳtepsRecord/{DAY_FOLDER}z{NAME}", reason=FileReason.UNKNOWN_TYPE),
    _unclaimed("a date before the first", f"raw/StepsRecord/1999/12/31/1{NAME}", reason=OUTSIDE),
    _unclaimed("the last date there is", f"raw/StepsRecord/9999/12/31/2{NAME}", reason=OUTSIDE),
)

NO_UPLOADS: tuple[BadItem, ...] = (
    _no_upload("the marker of a day", STEPS_FOLDER, S3),
    _no_upload("the marker of a type", "raw/StepsRecord/", S3),
    _no_upload("the marker of all uploads", "raw/", S3),
    _no_upload("an empty day", f"raw/StepsRecord/2025/09/22/.{CANARY}/", FOLDER),
)

# Outside raw/, where nothing is an upload: nobody need hear of them, and they must not disturb.
ELSEWHERE: tuple[BadItem, ...] = tuple(
    _no_upload(f"a folder without a name below {folder}", f"{folder}//{CANARY}.parquet", S3)
    for folder in (
        "records",
        "records/steps",
        "insights",
        "insights/steps",
        "training",
        "quarantine",
        "quarantine/released",
    )
)

LEADING_SLASH = _unclaimed("a leading slash", f"/{STEPS_FOLDER}3{NAME}", S3)

"""The picture that the UI shows of an insights partition: days of many people in aggregate, never of one person."""

import base64
from typing import Any

import dagster as dg

from health_etl.lake.catalogue import latest_derived
from health_etl.lake.keys import insights_folder
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.report.pictures import pictures
from health_etl.report.style import png

MAX_BYTES = 50_000  # of base64 text: the UI sends the whole metadata of an event with every page of its history


def picture_metadata(lake: Lake, name: str, partition: str, minimum_people: int) -> dict[str, Any]:
    """Return the picture of an insights partition as metadata, or nothing where it would show too few people.

    It is drawn from medians and quartiles over people, only where at least `minimum_people` people have a value, and
    names nobody.
    """
    picture = pictures().get(name)
    _, manifest = latest_derived(lake, insights_folder(name, partition))
    if picture is None or manifest is None:
        return {}
    rows = read_frame(lake, manifest.table_key)
    rows = rows[~rows["withdrawn"].astype(bool)].reset_index(drop=True)
    if rows["user_id"].nunique() < minimum_people:
        return {}
    drawn = picture.of_people(rows, minimum_people)
    if drawn is None:
        return {}
    image = base64.b64encode(png(drawn.figure)).decode()
    if len(image) > MAX_BYTES:
        raise ValueError(f"the picture of {name} has {len(image)} bytes, but only {MAX_BYTES} are allowed")
    shown = f"**{drawn.title}.** {drawn.note}\n\n![{drawn.title}](data:image/png;base64,{image})"
    return {"picture": dg.MetadataValue.md(shown)}

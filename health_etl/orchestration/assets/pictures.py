"""What the UI shows of an insights partition as a picture: many people's days as one, never one person's."""

import base64
from typing import Any

import dagster as dg

from health_etl.lake import keys
from health_etl.lake.store import Lake
from health_etl.lake.tables import read_frame
from health_etl.report.pictures import pictures
from health_etl.report.style import png

MAX_BYTES = 50_000  # of base64 text: an event's metadata goes out whole with every answer of the UI's history


def picture_metadata(lake: Lake, name: str, partition: str, minimum_people: int) -> dict[str, Any]:
    """Return the picture of an insights partition as metadata; nothing where it shows too few people to be shown.

    It is drawn from medians and quartiles over people, and only where at least minimum_people people have a value; it
    names nobody.
    """
    picture = pictures().get(name)
    if picture is None:
        return {}
    rows = read_frame(lake, keys.insights_key(name, partition))
    rows = rows[~rows["withdrawn"].astype(bool)].reset_index(drop=True)
    if rows["user_id"].nunique() < minimum_people:
        return {}
    drawn = picture.of_people(rows, minimum_people)
    if drawn is None:
        return {}
    image = base64.b64encode(png(drawn.figure)).decode()
    if len(image) > MAX_BYTES:
        raise ValueError(f"the picture of {name} takes {len(image)} bytes, and {MAX_BYTES} are allowed")
    shown = f"**{drawn.title}.** {drawn.note}\n\n![{drawn.title}](data:image/png;base64,{image})"
    return {"picture": dg.MetadataValue.md(shown)}

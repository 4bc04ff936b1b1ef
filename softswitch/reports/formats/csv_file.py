"""CSV (RFC 4180) in UTF-8 with a byte order mark, so that spreadsheets read Chinese; formulas in texts are made harmless."""

from __future__ import annotations

import csv
from pathlib import Path

from softswitch.reports.figures import Values
from softswitch.reports.formats.document import Document, harmless
from softswitch.reports.model import Column


def write_csv(document: Document, path: Path) -> None:
    columns = document.columns
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.title.say(document.language) for column in columns])
        for values in document.rows:
            writer.writerow([_cell(document, column, values) for column in columns])
        if document.totals:
            writer.writerow([document.total(column, place) for place, column in enumerate(columns)])


def _cell(document: Document, column: Column, values: Values) -> str:
    text = document.shown(column, values.get(column.id))
    return harmless(text) if column.kind == "text" else text

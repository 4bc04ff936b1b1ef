"""Reports as files. A writer gets a `Document` and a path; rows may come one by one, more than memory would hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from softswitch.reports.formats.csv_file import write_csv
from softswitch.reports.formats.document import Document
from softswitch.reports.formats.xlsx_file import write_xlsx

Format = Literal["csv", "xlsx", "pdf"]


def write_pdf(document: Document, path: Path) -> None:
    """The typesetter is read when the first PDF is asked for: it takes longer than the rest of the switch."""
    from softswitch.reports.formats import pdf_file  # noqa: PLC0415

    pdf_file.write_pdf(document, path)


WRITERS: Mapping[str, Callable[[Document, Path], None]] = {"csv": write_csv, "xlsx": write_xlsx, "pdf": write_pdf}
TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8", "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip

__all__ = ["TYPES", "WRITERS", "Document", "Format"]

"""PEP 517 backend: builds the web pages, then delegates to maturin: `pip install .` makes one wheel with engine and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import maturin
import pages
from maturin import (  # noqa: F401 - part of the backend's interface
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

Settings = Mapping[str, Any] | None


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    pages.build()
    return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))

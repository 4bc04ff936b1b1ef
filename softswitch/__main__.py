"""`python -m softswitch` and the console script."""

from __future__ import annotations

from softswitch.cli import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()

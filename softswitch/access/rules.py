"""The settings of signing in as the values that `directory.users` works with."""

from __future__ import annotations

from typing import Literal, cast

from softswitch.config.settings import AccessSettings
from softswitch.directory.passwords import PasswordPolicy
from softswitch.directory.users import SignInRules


def sign_in_rules(settings: AccessSettings) -> SignInRules:
    passwords = PasswordPolicy(
        length=settings.password_length, classes=settings.password_classes, history=settings.password_history,
        max_age_days=settings.password_days, lock_after=settings.lock_after, lock_seconds=settings.lock_seconds,
    )  # fmt: skip
    second_factor = cast(Literal["optional", "administrators", "everybody"], settings.second_factor)
    return SignInRules(
        session_seconds=settings.session_hours * 3600, idle_seconds=settings.idle_minutes * 60, second_factor=second_factor,
        passwords=passwords,
    )  # fmt: skip

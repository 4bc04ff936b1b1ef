"""Recordings on disk: where they lie, how they are repaired after a crash, when they are removed."""

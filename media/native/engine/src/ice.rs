//! ICE-lite adapter.

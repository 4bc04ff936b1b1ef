//! SRTP contexts.

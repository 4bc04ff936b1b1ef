//! DTLS handshake thread.

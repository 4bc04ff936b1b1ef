//! Protection of a port's packets: none, SDES keys, or keys that the handshake will bring.

use crate::command::{Dtls, Sdes};
use crate::dtls::DtlsConfig;
use crate::srtp::{Context, Profile, SrtpError, SrtpKeys};

#[derive(Default)]
pub enum Security {
    #[default]
    Plain,
    /// Keys are agreed but not there yet: nothing passes.
    Awaiting,
    Keyed(Box<Context>),
}

impl Security {
    /// `None` when suite or key length is wrong.
    pub fn from_sdes(sdes: &Sdes) -> Option<Self> {
        let profile = Profile::from_name(&sdes.profile)?;
        let keys = SrtpKeys { profile, send: sdes.send_key.clone(), receive: sdes.receive_key.clone() };
        Self::from_keys(&keys).ok()
    }

    /// New keys of SDES; `false` when suite or key length is wrong, and then nothing has changed.
    pub fn rekey(&mut self, sdes: &Sdes) -> bool {
        if let (Self::Keyed(context), Some(profile)) = (&mut *self, Profile::from_name(&sdes.profile)) {
            let keys = SrtpKeys { profile, send: sdes.send_key.clone(), receive: sdes.receive_key.clone() };
            return context.rekey(&keys).is_ok();
        }
        let fresh = Self::from_sdes(sdes);
        let is_usable = fresh.is_some();
        if let Some(fresh) = fresh {
            *self = fresh;
        }
        is_usable
    }

    pub fn from_keys(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        Ok(Self::Keyed(Box::new(Context::new(keys)?)))
    }

    pub fn is_ready(&self) -> bool {
        !matches!(self, Self::Awaiting)
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Awaiting => "awaiting",
            Self::Keyed(context) => context.profile().name(),
        }
    }

    /// Length of the protected packet in `buf`, `None` when it must not be sent.
    pub fn seal_rtp(&mut self, buf: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Self::Plain => Some(length),
            Self::Awaiting => None,
            Self::Keyed(context) => context.protect_rtp(buf, length).ok(),
        }
    }

    pub fn seal_rtcp(&mut self, buf: &mut [u8], length: usize) -> Option<usize> {
        match self {
            Self::Plain => Some(length),
            Self::Awaiting => None,
            Self::Keyed(context) => context.protect_rtcp(buf, length).ok(),
        }
    }

    /// Plain length, and whether a tag proved it.
    pub fn open_rtp(&mut self, buf: &mut [u8]) -> Result<(usize, bool), SrtpError> {
        match self {
            Self::Plain => Ok((buf.len(), false)),
            Self::Awaiting => Err(SrtpError::NoKey),
            Self::Keyed(context) => context.unprotect_rtp(buf).map(|length| (length, true)),
        }
    }

    pub fn open_rtcp(&mut self, buf: &mut [u8]) -> Result<usize, SrtpError> {
        match self {
            Self::Plain => Ok(buf.len()),
            Self::Awaiting => Err(SrtpError::NoKey),
            Self::Keyed(context) => context.unprotect_rtcp(buf),
        }
    }
}

/// What the handshake thread needs.
pub fn handshake(dtls: &Dtls) -> DtlsConfig {
    DtlsConfig {
        certificate_der: dtls.certificate.clone(),
        private_key_pkcs8_der: dtls.private_key.clone(),
        remote_fingerprint: dtls.fingerprint.clone(),
        active: dtls.active,
    }
}

//! The context of one port: keys of both directions, and for every SSRC its index and replay window.

use super::cipher::{Cipher, CounterMode, GCM_TAG, GaloisMode, Stream};
use super::replay::Window;
use super::{Profile, SrtpError, SrtpKeys};

/// SSRCs remembered per direction.
pub const MAX_SOURCES: usize = 16;
/// Octets of an RTP header without CSRCs and extension.
const RTP_HEADER: usize = 12;
/// Octets of an RTCP packet that are never encrypted (RFC 3711 §3.4).
const RTCP_HEADER: usize = 8;
/// The E bit in the word that carries the SRTCP index.
const ENCRYPTED: u32 = 0x8000_0000;
/// An SRTCP index has 31 bits.
const RTCP_INDEX_LIMIT: u64 = 1 << 31;

/// Protects what a port sends and unprotects what it receives. Works in place, allocates nothing per packet.
pub struct Context {
    keys: SrtpKeys,
    profile: Profile,
    send: Box<Direction>,
    receive: Box<Direction>,
}

struct Direction {
    rtp: Cipher,
    rtcp: Cipher,
    /// The first is the one used last; `used` is 0 in empty places.
    sources: [Source; MAX_SOURCES],
    /// Counts packets, to find the source that was quiet for longest.
    clock: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Source {
    ssrc: u32,
    rtp: Window,
    rtcp: Window,
    used: u64,
}

impl Context {
    /// Expands the session keys. Fails when the key material does not have the length that the profile asks for.
    pub fn new(keys: &SrtpKeys) -> Result<Self, SrtpError> {
        Ok(Self {
            keys: keys.clone(),
            profile: keys.profile,
            send: Box::new(Direction::new(keys.profile, &keys.send)?),
            receive: Box::new(Direction::new(keys.profile, &keys.receive)?),
        })
    }

    /// Takes new keys. A direction whose key stays keeps its indexes and replay windows: the other end goes on counting as well,
    /// and the same key must not protect an index twice.
    pub fn rekey(&mut self, keys: &SrtpKeys) -> Result<(), SrtpError> {
        let changed = keys.profile != self.keys.profile;
        let fresh = |is_new: bool, key: &[u8]| is_new.then(|| Direction::new(keys.profile, key)).transpose();
        let send = fresh(changed || keys.send != self.keys.send, &keys.send)?;
        let receive = fresh(changed || keys.receive != self.keys.receive, &keys.receive)?;
        if let Some(direction) = send {
            *self.send = direction;
        }
        if let Some(direction) = receive {
            *self.receive = direction;
        }
        (self.profile, self.keys) = (keys.profile, keys.clone());
        Ok(())
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Encrypts the RTP packet in `buf[..len]` and appends the tag; returns the new length.
    ///
    /// A sequence number that was sent before is refused: the same key stream over two payloads would disclose both.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let tag_len = self.profile.rtp_overhead();
        let buf = buf.get_mut(..len.saturating_add(tag_len)).ok_or(SrtpError::BufferTooSmall)?;
        let (packet, room) = buf.split_at_mut(len);
        let header = RtpHeader::parse(packet)?;
        let source = self.send.source_or_new(header.ssrc)?;
        let index = source.rtp.extend(header.sequence)?;
        source.rtp.check(index)?;
        source.rtp.accept(index);
        match &self.send.rtp {
            Cipher::Counter(cipher) => {
                let (_, payload) = split(packet, header.length)?;
                cipher.apply(header.ssrc, index, payload);
                copy_front(room, &cipher.tag(packet, &rollover(index)));
            }
            Cipher::Galois(cipher) => {
                let (head, payload) = split(packet, header.length)?;
                copy_front(room, &cipher.seal(header.ssrc, index, head, payload)?);
            }
        }
        Ok(len + tag_len)
    }

    /// Checks and decrypts the SRTP packet in `buf`; returns the length of the RTP packet at its start.
    pub fn unprotect_rtp(&mut self, buf: &mut [u8]) -> Result<usize, SrtpError> {
        let len = buf.len().checked_sub(self.profile.rtp_overhead()).ok_or(SrtpError::Length)?;
        let (packet, tag) = buf.split_at_mut(len);
        let header = RtpHeader::parse(packet)?;
        let direction = &mut *self.receive;
        let known = direction.find(header.ssrc);
        let window = known.map(|source| source.rtp).unwrap_or_default();
        let index = window.extend(header.sequence)?;
        window.check(index)?;
        match &direction.rtp {
            Cipher::Counter(cipher) => {
                cipher.verify(packet, &rollover(index), tag)?;
                let (_, payload) = split(packet, header.length)?;
                cipher.apply(header.ssrc, index, payload);
            }
            Cipher::Galois(cipher) => {
                let (head, payload) = split(packet, header.length)?;
                cipher.open(header.ssrc, index, head, payload, gcm_tag(tag)?)?;
            }
        }
        direction.authenticated(header.ssrc).rtp.accept(index);
        Ok(len)
    }

    /// Encrypts the compound RTCP packet in `buf[..len]`, appends index and tag; returns the new length.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let total = len.saturating_add(self.profile.rtcp_overhead());
        let buf = buf.get_mut(..total).ok_or(SrtpError::BufferTooSmall)?;
        let ssrc = rtcp_ssrc(buf.get(..len).ok_or(SrtpError::Length)?)?;
        let source = self.send.source_or_new(ssrc)?;
        let index = source.rtcp.highest().map_or(0, |highest| highest + 1);
        if index >= RTCP_INDEX_LIMIT {
            return Err(SrtpError::KeyExhausted);
        }
        source.rtcp.accept(index);
        let word = (index as u32 | ENCRYPTED).to_be_bytes();
        match &self.send.rtcp {
            Cipher::Counter(cipher) => seal_rtcp_counter(cipher, ssrc, index, word, buf, len)?,
            Cipher::Galois(cipher) => seal_rtcp_galois(cipher, ssrc, index, word, buf, len)?,
        }
        Ok(total)
    }

    /// Checks and decrypts the SRTCP packet in `buf`; returns the length of the RTCP packet at its start.
    pub fn unprotect_rtcp(&mut self, buf: &mut [u8]) -> Result<usize, SrtpError> {
        let len = buf.len().checked_sub(self.profile.rtcp_overhead()).ok_or(SrtpError::Length)?;
        let ssrc = rtcp_ssrc(buf.get(..len).ok_or(SrtpError::Length)?)?;
        let direction = &mut *self.receive;
        let window = direction.find(ssrc).map(|source| source.rtcp).unwrap_or_default();
        let index = match &direction.rtcp {
            Cipher::Counter(cipher) => open_rtcp_counter(cipher, ssrc, buf, len, window)?,
            Cipher::Galois(cipher) => open_rtcp_galois(cipher, ssrc, buf, len, window)?,
        };
        direction.authenticated(ssrc).rtcp.accept(index);
        Ok(len)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Direction {
    fn new(profile: Profile, master: &[u8]) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::new(profile, master, Stream::Rtp)?,
            rtcp: Cipher::new(profile, master, Stream::Rtcp)?,
            sources: [Source::default(); MAX_SOURCES],
            clock: 0,
        })
    }

    fn find(&self, ssrc: u32) -> Option<&Source> {
        self.sources.iter().find(|source| source.is(ssrc))
    }

    /// The state of a source we send as. It is never forgotten: its index must not start again under the same key.
    fn source_or_new(&mut self, ssrc: u32) -> Result<&mut Source, SrtpError> {
        if self.find(ssrc).is_none() && self.sources.iter().all(|source| source.used != 0) {
            return Err(SrtpError::TooManySources);
        }
        Ok(self.authenticated(ssrc))
    }

    /// The state of a source whose packet was authentic; a new one takes the place of the one quiet for longest.
    ///
    /// Forgetting lets old packets of that source pass once more, which takes a peer that used 17 SSRCs under one key.
    fn authenticated(&mut self, ssrc: u32) -> &mut Source {
        self.clock += 1;
        let known = self.sources.iter().position(|source| source.is(ssrc));
        let place = known.unwrap_or_else(|| {
            let places = (0..).zip(&self.sources);
            places.min_by_key(|(_, source)| source.used).map_or(0, |(place, _)| place)
        });
        self.sources.swap(0, place);
        let [source, ..] = &mut self.sources;
        if known.is_none() {
            *source = Source { ssrc, ..Source::default() };
        }
        source.used = self.clock;
        source
    }
}

impl Source {
    fn is(&self, ssrc: u32) -> bool {
        self.used != 0 && self.ssrc == ssrc
    }
}

/// What protection needs to know of an RTP header.
#[derive(Clone, Copy)]
struct RtpHeader {
    sequence: u16,
    ssrc: u32,
    /// Octets before the payload: fixed header, CSRCs and extension.
    length: usize,
}

impl RtpHeader {
    fn parse(packet: &[u8]) -> Result<Self, SrtpError> {
        let &[flags, _, s0, s1, _, _, _, _, c0, c1, c2, c3] =
            packet.first_chunk::<RTP_HEADER>().ok_or(SrtpError::Length)?;
        if flags >> 6 != 2 {
            return Err(SrtpError::Version);
        }
        let mut length = RTP_HEADER + 4 * usize::from(flags & 0x0f);
        if flags & 0x10 != 0 {
            let extension = packet.get(length..).and_then(|rest| rest.first_chunk::<4>()).ok_or(SrtpError::Length)?;
            length += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        if length > packet.len() {
            return Err(SrtpError::Length);
        }
        Ok(Self { sequence: u16::from_be_bytes([s0, s1]), ssrc: u32::from_be_bytes([c0, c1, c2, c3]), length })
    }
}

fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    let &[flags, _, _, _, c0, c1, c2, c3] = packet.first_chunk::<RTCP_HEADER>().ok_or(SrtpError::Length)?;
    if flags >> 6 != 2 {
        return Err(SrtpError::Version);
    }
    Ok(u32::from_be_bytes([c0, c1, c2, c3]))
}

/// `header | encrypted | E+index | tag`
fn seal_rtcp_counter(
    cipher: &CounterMode,
    ssrc: u32,
    index: u64,
    word: [u8; 4],
    buf: &mut [u8],
    len: usize,
) -> Result<(), SrtpError> {
    let (packet, room) = split(buf, len)?;
    let (_, body) = split(packet, RTCP_HEADER)?;
    cipher.apply(ssrc, index, body);
    copy_front(room, &word);
    let (signed, tag) = split(buf, len + 4)?;
    copy_front(tag, &cipher.tag(signed, &[]));
    Ok(())
}

/// `header | encrypted | tag | E+index`; header and last word are authenticated (RFC 7714 §9.2).
fn seal_rtcp_galois(
    cipher: &GaloisMode,
    ssrc: u32,
    index: u64,
    word: [u8; 4],
    buf: &mut [u8],
    len: usize,
) -> Result<(), SrtpError> {
    let (packet, room) = split(buf, len)?;
    let (head, body) = split(packet, RTCP_HEADER)?;
    let tag = cipher.seal(ssrc, index, &rtcp_aad(head, word), body)?;
    let (tag_room, word_room) = split(room, GCM_TAG)?;
    copy_front(tag_room, &tag);
    copy_front(word_room, &word);
    Ok(())
}

fn open_rtcp_counter(
    cipher: &CounterMode,
    ssrc: u32,
    buf: &mut [u8],
    len: usize,
    window: Window,
) -> Result<u64, SrtpError> {
    let (signed, tag) = split(buf, len + 4)?;
    let (index, encrypted) = index_word(signed.last_chunk().copied())?;
    window.check(index)?;
    cipher.verify(signed, &[], tag)?;
    if encrypted {
        let (packet, _) = split(buf, len)?;
        let (_, body) = split(packet, RTCP_HEADER)?;
        cipher.apply(ssrc, index, body);
    }
    Ok(index)
}

fn open_rtcp_galois(
    cipher: &GaloisMode,
    ssrc: u32,
    buf: &mut [u8],
    len: usize,
    window: Window,
) -> Result<u64, SrtpError> {
    let word = buf.last_chunk::<4>().copied();
    let (index, encrypted) = index_word(word)?;
    let word = word.unwrap_or_default();
    window.check(index)?;
    let (packet, trailer) = split(buf, len)?;
    let tag = gcm_tag(trailer)?;
    if encrypted {
        let (head, body) = split(packet, RTCP_HEADER)?;
        cipher.open(ssrc, index, &rtcp_aad(head, word), body, tag)?;
    } else {
        // RFC 7714 §9.3: nothing is encrypted, the packet and the index word are authenticated; they must be adjacent.
        copy_front(trailer, &word);
        let (aad, _) = split(buf, len + 4)?;
        cipher.open(ssrc, index, aad, &mut [], tag)?;
    }
    Ok(index)
}

/// Index and E bit.
fn index_word(word: Option<[u8; 4]>) -> Result<(u64, bool), SrtpError> {
    let word = u32::from_be_bytes(word.ok_or(SrtpError::Length)?);
    Ok((u64::from(word & !ENCRYPTED), word & ENCRYPTED != 0))
}

fn rtcp_aad(head: &[u8], word: [u8; 4]) -> [u8; RTCP_HEADER + 4] {
    let mut aad = [0u8; RTCP_HEADER + 4];
    for (to, from) in aad.iter_mut().zip(head.iter().copied().chain(word)) {
        *to = from;
    }
    aad
}

fn gcm_tag(trailer: &[u8]) -> Result<[u8; GCM_TAG], SrtpError> {
    trailer.first_chunk().copied().ok_or(SrtpError::Length)
}

/// The rollover counter as HMAC takes it (RFC 3711 §4.2).
fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn split(data: &mut [u8], at: usize) -> Result<(&mut [u8], &mut [u8]), SrtpError> {
    data.split_at_mut_checked(at).ok_or(SrtpError::Length)
}

/// Copies as much of `from` as `to` holds: tags are truncated on the right.
fn copy_front(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

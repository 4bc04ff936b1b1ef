//! WAV files: reading PCM16 and G.711, and the header of what we write.

use std::io::{Read, Seek, SeekFrom};

use thiserror::Error;

use crate::codec::g711::Law;
use crate::codec::to_f32;

/// Length of the header that [`header`] makes.
pub const HEADER_LEN: usize = 44;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum WavError {
    #[error("no RIFF/WAVE file")]
    NotWav,
    #[error("no fmt chunk before the data")]
    NoFormat,
    #[error("no data chunk")]
    NoData,
    #[error("format {0} with {1} bits is not supported: PCM 16 bit, A-law or µ-law is expected")]
    Unsupported(u16, u16),
    #[error("{0} channels: one or two are expected")]
    Channels(u16),
    #[error("{0} Hz: 8000 to 48000 is expected")]
    Rate(u32),
}

/// How the samples of a file are written.
#[derive(Clone, Copy)]
pub struct Format {
    tag: u16,
    channels: u16,
    pub rate: u32,
    bits: u16,
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Format {
    fn parse(chunk: &[u8]) -> Option<Self> {
        let mut tag = le16(chunk, 0)?;
        if tag == 0xfffe {
            tag = le16(chunk, 24)?; // WAVE_FORMAT_EXTENSIBLE: the sub-format begins with the tag
        }
        Some(Self { tag, channels: le16(chunk, 2)?, rate: le32(chunk, 4)?, bits: le16(chunk, 14)? })
    }

    /// Whether it can be decoded.
    pub fn check(&self) -> Result<(), WavError> {
        if !(1..=2).contains(&self.channels) {
            return Err(WavError::Channels(self.channels));
        }
        if !(8000..=48_000).contains(&self.rate) {
            return Err(WavError::Rate(self.rate));
        }
        self.sample().map(|_| ())
    }

    /// Octets of a frame, one sample per channel.
    pub fn frame_octets(&self) -> u64 {
        u64::from(self.bits / 8) * u64::from(self.channels)
    }

    fn sample(&self) -> Result<fn(&[u8]) -> f32, WavError> {
        match (self.tag, self.bits) {
            (1, 16) => Ok(|pair| le16(pair, 0).map_or(0.0, |word| to_f32(word as i16))),
            (6, 8) => Ok(|octet| octet.first().map_or(0.0, |&octet| Law::A.decode(octet))),
            (7, 8) => Ok(|octet| octet.first().map_or(0.0, |&octet| Law::Mu.decode(octet))),
            (tag, bits) => Err(WavError::Unsupported(tag, bits)),
        }
    }

    /// Samples of whole frames; stereo is averaged.
    pub fn decode(&self, data: &[u8]) -> Result<Vec<f32>, WavError> {
        self.check()?;
        let sample = self.sample()?;
        let (width, channels) = (usize::from(self.bits / 8), usize::from(self.channels));
        let mean = |frame: &[u8]| frame.chunks_exact(width).map(sample).sum::<f32>() / channels as f32;
        Ok(data.chunks_exact(width * channels).map(mean).collect())
    }
}

/// Finds the samples of a file of `size` octets: how they are written, where they begin and how many octets they are, of whole
/// frames. A data chunk longer than the file is read as far as it goes. The file is left where the samples begin.
pub fn find<R: Read + Seek>(file: &mut R, size: u64) -> Result<(Format, u64, u64), WavError> {
    let mut head = [0u8; 12];
    file.seek(SeekFrom::Start(0)).and_then(|_| file.read_exact(&mut head)).map_err(|_| WavError::NotWav)?;
    if head.get(..4) != Some(b"RIFF") || head.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let (mut at, mut format) = (12u64, None);
    loop {
        let missing = if format.is_none() { WavError::NoFormat } else { WavError::NoData };
        let mut chunk = [0u8; 8];
        if file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut chunk)).is_err() {
            return Err(missing);
        }
        let length = u64::from(le32(&chunk, 4).unwrap_or(0));
        match chunk.get(..4) {
            Some(b"fmt ") => {
                let mut fields = Vec::new();
                file.take(length.min(64)).read_to_end(&mut fields).map_err(|_| WavError::NoFormat)?;
                format = Format::parse(&fields);
            }
            Some(b"data") => {
                let format = format.ok_or(WavError::NoFormat)?;
                format.check()?;
                let octets = length.min(size.saturating_sub(at + 8));
                return Ok((format, at + 8, octets - octets % format.frame_octets().max(1)));
            }
            _ => (),
        }
        at += 8 + length + length % 2;
    }
}

/// The header of a PCM16 file with `data` octets of samples; sizes saturate at 4 GiB.
pub fn header(rate: u32, channels: u16, data: u64) -> [u8; HEADER_LEN] {
    let data = u32::try_from(data).unwrap_or(u32::MAX - 36);
    let block = channels * 2;
    let mut out = [0u8; HEADER_LEN];
    let fields: [(usize, &[u8]); 13] = [
        (0, b"RIFF"),
        (4, &(data.saturating_add(36)).to_le_bytes()),
        (8, b"WAVE"),
        (12, b"fmt "),
        (16, &16u32.to_le_bytes()),
        (20, &1u16.to_le_bytes()),
        (22, &channels.to_le_bytes()),
        (24, &rate.to_le_bytes()),
        (28, &(rate * u32::from(block)).to_le_bytes()),
        (32, &block.to_le_bytes()),
        (34, &16u16.to_le_bytes()),
        (36, b"data"),
        (40, &data.to_le_bytes()),
    ];
    for (at, bytes) in fields {
        out[at..at + bytes.len()].copy_from_slice(bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(bytes: &[u8]) -> Result<(u32, Vec<f32>), WavError> {
        let mut file = Cursor::new(bytes);
        let (format, start, length) = find(&mut file, bytes.len() as u64)?;
        let samples = format.decode(&bytes[start as usize..(start + length) as usize])?;
        Ok((format.rate, samples))
    }

    #[test]
    fn what_we_write_we_read() {
        let mut file = header(8000, 2, 8).to_vec();
        for word in [100i16, 300, -200, -400] {
            file.extend(word.to_le_bytes());
        }
        let audio = read(&file).unwrap();
        assert_eq!(audio, (8000, vec![to_f32(200), to_f32(-300)]));
    }

    #[test]
    fn g711_and_foreign_chunks_are_understood() {
        let mut file = header(8000, 1, 2).to_vec();
        file[20..22].copy_from_slice(&6u16.to_le_bytes());
        file[34..36].copy_from_slice(&8u16.to_le_bytes());
        file.splice(12..12, *b"LIST\x03\x00\x00\x00abc\x00");
        file.extend([0xd5, 0xaa]);
        assert_eq!(read(&file).unwrap().1, [Law::A.decode(0xd5), Law::A.decode(0xaa)]);
    }

    #[test]
    fn broken_files_say_what_is_wrong() {
        assert_eq!(read(b"ID3").unwrap_err(), WavError::NotWav);
        let mut file = header(8000, 1, 0).to_vec();
        file[34..36].copy_from_slice(&24u16.to_le_bytes());
        assert_eq!(read(&file).unwrap_err(), WavError::Unsupported(1, 24));
        let whole = header(8000, 1, 4);
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err() || length >= 44);
        }
        assert!(read(&header(8000, 9, 0)).is_err());
        assert!(read(&header(96_000, 1, 0)).is_err());
    }
}

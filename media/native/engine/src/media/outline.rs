//! The picture of a recording: the loudest sample of each short span per channel, at any length no more than a screen needs.

/// Spans of the finest picture, in ms.
const FINEST_MS: u32 = 20;
/// When there are so many spans, two become one.
const MOST: usize = 2048;

pub struct Outline {
    width: usize,
    /// Samples per channel of a span.
    span: u64,
    /// Finished spans, channels side by side.
    peaks: Vec<u16>,
    now: Vec<u16>,
    filled: u64,
}

impl Outline {
    pub fn new(rate: u32, width: usize) -> Self {
        Self {
            width: width.max(1),
            span: u64::from(rate * FINEST_MS / 1000).max(1),
            peaks: Vec::new(),
            now: vec![0; width.max(1)],
            filled: 0,
        }
    }

    /// Takes interleaved samples.
    pub fn put(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let count = (samples.len() / self.width).min((self.span - self.filled) as usize);
            let (these, rest) = samples.split_at((count * self.width).max(1));
            for frame in these.chunks_exact(self.width) {
                for (peak, sample) in self.now.iter_mut().zip(frame) {
                    *peak = (*peak).max(sample.unsigned_abs());
                }
            }
            self.advance(count as u64);
            samples = rest;
        }
    }

    /// Silence of so many samples per channel.
    pub fn skip(&mut self, mut samples: u64) {
        while samples > 0 {
            let count = samples.min(self.span - self.filled);
            self.advance(count);
            samples -= count;
        }
    }

    fn advance(&mut self, count: u64) {
        self.filled += count;
        if self.filled >= self.span {
            self.end_span();
        }
    }

    fn end_span(&mut self) {
        self.peaks.extend_from_slice(&self.now);
        self.now.fill(0);
        self.filled = 0;
        if self.peaks.len() >= MOST * self.width {
            let width = self.width;
            let merged = self.peaks.chunks_exact(2 * width).flat_map(|pair| {
                let (first, second) = pair.split_at(width);
                first.iter().zip(second).map(|(one, other)| (*one).max(*other))
            });
            self.peaks = merged.collect();
            self.span *= 2;
        }
    }

    /// Per channel the peaks as thousandths of full scale, as JSON.
    pub fn json(&self) -> String {
        let rest = (self.filled > 0).then_some(self.now.as_slice());
        let channel = |index: usize| {
            let spans = self.peaks.chunks_exact(self.width).chain(rest);
            let peaks = spans.filter_map(|span| span.get(index)).map(|peak| (u32::from(*peak) * 1000).div_ceil(32_768));
            format!("[{}]", peaks.map(|peak| peak.to_string()).collect::<Vec<_>>().join(","))
        };
        format!("[{}]", (0..self.width).map(channel).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::Outline;

    #[test]
    fn peaks_lie_where_the_sound_was_however_long_it_lasted() {
        let mut outline = Outline::new(8000, 2);
        outline.put(&[0, -32_768].repeat(160));
        outline.skip(160);
        outline.put(&[16_384, 0, 3]); // an odd rest is dropped
        assert_eq!(outline.json(), "[[0,0,500],[1000,0,0]]");
        outline.skip(8000 * 3600);
        let json = outline.json();
        let (left, right) = json.split_once("],[").unwrap();
        assert!(left.starts_with("[[500,0,") && right.starts_with("1000,0,") && left.split(',').count() <= 2048);
    }
}

//! The E-model (ITU-T G.107) in the form that needs no more than a port knows: R = 93.2 − Id − Ie,eff.
//!
//! 93.2 is R of a call without delay and loss, all other parameters at the defaults of G.107 table 3. R gives MOS, 1 to 4.5.

/// R without delay, loss and coding.
const PERFECT: f64 = 93.2;
/// One-way delay from which a conversation suffers, ms.
const NOTICED_MS: f64 = 177.3;

/// What coding alone costs, and how well its concealment stands random loss (G.113 appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Equipment impairment, on the scale of R.
    pub ie: f64,
    /// Packet loss robustness, %.
    pub bpl: f64,
}

/// The row of a codec, by its name in SDP.
///
/// Tabulated in G.113: G.711 with concealment, G.729A, AMR at 12.2 kbit/s (as GSM-EFR), iLBC. The wideband codecs stand on the
/// narrowband scale, where nothing is better than G.711; their robustness is our estimate, for Opus with in-band FEC.
pub fn impairment(codec: &str) -> Impairment {
    let (ie, bpl) = match codec {
        "G722" => (0.0, 20.0),
        "OPUS" => (0.0, 35.0),
        "G729" => (11.0, 19.0),
        "AMR" => (5.0, 10.0),
        "AMR-WB" => (3.0, 12.0),
        "ILBC" => (11.0, 32.0),
        _ => (0.0, 25.1), // G.711, and L16 as if
    };
    Impairment { ie, bpl }
}

/// A direction of a call. Ratios 0 to 1, times in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub impairment: Impairment,
    /// Lost on the way and discarded by the jitter buffer, of all that was sent.
    pub lost: f64,
    /// Mean length of runs of loss against that of random loss; 1 and more.
    pub burst_ratio: f64,
    /// Mouth to ear.
    pub delay_ms: f64,
}

impl Line {
    fn without_delay(&self) -> f64 {
        let Impairment { ie, bpl } = self.impairment;
        let percent = 100.0 * self.lost.clamp(0.0, 1.0);
        let loss = (95.0 - ie) * percent / (percent / self.burst_ratio.max(1.0) + bpl);
        PERFECT - ie - loss
    }

    /// Rating of the conversation, 0 to 93.2.
    pub fn rating(&self) -> f64 {
        let delay = self.delay_ms.max(0.0);
        let id = 0.024 * delay + 0.11 * (delay - NOTICED_MS).max(0.0);
        (self.without_delay() - id).max(0.0)
    }

    /// Rating for somebody who only listens: delay does not matter.
    pub fn listening_rating(&self) -> f64 {
        self.without_delay().max(0.0)
    }
}

/// MOS of a rating (G.107 annex B), 1 to 4.5.
pub fn mos(rating: f64) -> f64 {
    if rating <= 0.0 {
        return 1.0;
    }
    if rating >= 100.0 {
        return 4.5;
    }
    (1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(lost: f64, burst_ratio: f64, delay_ms: f64) -> Line {
        Line { impairment: impairment("PCMU"), lost, burst_ratio, delay_ms }
    }

    #[test]
    fn a_clean_call_is_as_good_as_the_telephone_gets() {
        assert!((mos(line(0.0, 1.0, 0.0).rating()) - 4.41).abs() < 0.01);
        assert_eq!(line(0.0, 1.0, 300.0).listening_rating(), PERFECT);
    }

    #[test]
    fn delay_hurts_little_up_to_the_knee_and_much_beyond() {
        let (near, knee, far) = (line(0.0, 1.0, 20.0), line(0.0, 1.0, 177.0), line(0.0, 1.0, 400.0));
        assert!(near.rating() - knee.rating() < 4.0);
        assert!((far.rating() - 59.1).abs() < 0.2, "{}", far.rating());
    }

    #[test]
    fn loss_follows_g_107() {
        // Ie,eff = 95 · 5 / (5 + 25.1) = 15.8
        assert!((line(0.05, 1.0, 0.0).rating() - 77.4).abs() < 0.1);
        // The same loss in runs that are twice as long: 95 · 5 / (2.5 + 25.1) = 17.2
        assert!((line(0.05, 2.0, 0.0).rating() - 76.0).abs() < 0.1);
        let opus = Line { impairment: impairment("OPUS"), ..line(0.05, 1.0, 0.0) };
        assert!(opus.rating() > line(0.05, 1.0, 0.0).rating());
        assert_eq!(mos(line(1.0, 50.0, 2000.0).rating()), 1.0);
    }

    #[test]
    fn the_scale_of_mos_never_turns() {
        let all: Vec<f64> = (0..=1000).map(|tenth| mos(f64::from(tenth) / 10.0)).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1] + 0.02), "the cubic dips by less than 0.02 below R = 6.5");
        assert!(all.iter().all(|mos| (1.0..=4.5).contains(mos)));
    }
}

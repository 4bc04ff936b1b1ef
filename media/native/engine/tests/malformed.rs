//! Everything that comes from outside, cut and changed: the fuzz targets over their corpus with the stable compiler.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::path::Path;

/// Mutations of each corpus file; cargo-fuzz does the millions.
const MUTATIONS: u64 = 2_000;

/// A small generator with a fixed seed, so that a failure repeats.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    // At run time: checkouts that share a target directory share this binary.
    let folder =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo")).join("../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

/// Flips bits, overwrites with telling values, cuts, repeats and inserts, up to four times.
fn mutate(input: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(changed.len());
        match numbers.below(5) {
            0 if !changed.is_empty() => changed[at] ^= 1 << numbers.below(8),
            1 if !changed.is_empty() => changed[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)],
            2 => changed.truncate(at),
            3 => changed.insert(at, numbers.next() as u8),
            _ => {
                let piece = changed[at..changed.len().min(at + 16)].to_vec();
                changed.extend(piece);
            }
        }
    }
    changed
}

fn sweep(name: &str) {
    let (_, target) = targets::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (file, input) in corpus(name) {
        println!("{file}");
        for length in 0..=input.len() {
            target(&input[..length]);
        }
        for _ in 0..MUTATIONS {
            target(&mutate(&input, &mut numbers));
        }
    }
}

#[test]
fn rtp() {
    sweep("rtp");
}

#[test]
fn rtcp() {
    sweep("rtcp");
}

#[test]
fn stun() {
    sweep("stun");
}

#[test]
fn srtp() {
    sweep("srtp");
}

#[test]
fn dtls() {
    sweep("dtls");
}

#[test]
fn wav() {
    sweep("wav");
}

#[test]
fn foreign() {
    sweep("foreign");
}

#[test]
fn opus() {
    sweep("opus");
}

#[test]
fn frames() {
    sweep("frames");
}

#[test]
fn playout() {
    sweep("playout");
}

#[test]
fn the_corpus_reaches_behind_the_first_checks() {
    use engine::ice::stun::Request;
    let authentic = |(_, input): &(String, Vec<u8>)| {
        Request::parse(input).is_ok_and(|request| request.authentic("passwordpasswordpassword1"))
    };
    assert!(corpus("stun").iter().filter(|file| authentic(file)).count() >= 3, "authentic checks of two peers");
    let opens = |input: &[u8]| engine::media::source::Source::open(std::io::Cursor::new(input)).is_ok();
    assert!(corpus("wav").iter().any(|(_, input)| opens(input)));
    assert!(corpus("rtcp").iter().any(|(_, input)| engine::rtcp::parse(input, |_| ())));
}

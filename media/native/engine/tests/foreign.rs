//! Calls between G.711 and codecs that a library of the system does, judged by ear; and such calls without the library.

mod stage;

use std::sync::Mutex;

use engine::codec::{Coding, external};
use engine::command::PayloadMap;
use plugin::Libraries;
use stage::{Stage, listen, map, pcmu};

const CALLER: u64 = 1;
const AGENT: u64 = 2;

/// The libraries are the process's: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn foreign() -> Vec<PayloadMap> {
    let with = |name: &str, clock: u32, fmtp: &str| PayloadMap { fmtp: fmtp.into(), ..map(name, 96, clock) };
    vec![
        with("G729", 8000, "annexb=no"),
        with("AMR", 8000, ""),
        with("AMR", 8000, "octet-align=1;mode-set=0,2,7"),
        with("AMR-WB", 16_000, ""),
        with("AMR-WB", 16_000, "octet-align=1"),
        with("ILBC", 8000, "mode=20"),
        with("ILBC", 8000, "mode=30"),
    ]
}

fn available(codec: &PayloadMap) -> bool {
    let there = Coding::of(codec).is_some_and(external::is_available);
    if !there {
        eprintln!("skipped: no library for {}", codec.name);
    }
    there
}

#[test]
fn both_hear_each_other_across_codecs() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    external::install(Libraries::load(&["auto".to_owned()]));
    for codec in foreign().into_iter().filter(available) {
        let name = format!("{} {}", codec.name, codec.fmtp);
        let mut stage = Stage::new("foreign");
        stage.port(CALLER, 400.0, pcmu());
        stage.port(AGENT, 700.0, vec![codec]);
        stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
        stage.run(1500);
        let (caller, agent) = (stage.peers[&CALLER].amplitude(700.0), stage.peers[&AGENT].amplitude(400.0));
        assert!((0.1..0.5).contains(&caller), "{name}: the caller hears {caller}");
        assert!((0.1..0.5).contains(&agent), "{name}: the agent hears {agent}");
        assert!(stage.peers[&CALLER].amplitude(400.0) < 0.01, "{name}: itself");
    }
}

#[test]
fn the_same_codec_is_passed_on_without_its_library() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    external::install(Libraries::load(&["auto".to_owned()]));
    for codec in foreign().into_iter().filter(available) {
        let mut stage = Stage::new("foreign-relay");
        stage.port(CALLER, 400.0, vec![codec.clone()]);
        stage.port(AGENT, 700.0, vec![codec.clone()]);
        external::install(Libraries::load(&[])); // the far ends have theirs, the engine has none
        stage.submit(vec![listen(CALLER, &[AGENT]), listen(AGENT, &[CALLER])]);
        stage.run(1500);
        let heard = stage.peers[&AGENT].amplitude(400.0);
        assert!((0.1..0.5).contains(&heard), "{}: {heard}", codec.name);
        external::install(Libraries::load(&["auto".to_owned()]));
    }
}

//! The floor beside which the engine is measured: one thread, a socket per leg, each packet read once and sent once.
//!
//! `rtp_relay --base-port P --to-base Q --legs N` binds leg I to port P + 2·I. What arrives there leaves from the other leg of
//! the same call (0 and 1, 2 and 3, …) to port Q + 2·(its number) of this machine. It ends when standard input ends.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

type Failure = Box<dyn std::error::Error>;

const QUIT: u64 = u64::MAX;

fn option(name: &str) -> Result<u16, Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name).ok_or(format!("{name} is missing"))?;
    Ok(arguments.get(at + 1).ok_or(format!("{name} wants a number"))?.parse()?)
}

fn main() -> Result<(), Failure> {
    let (base, to, legs) = (option("--base-port")?, option("--to-base")?, option("--legs")?);
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let input = std::io::stdin();
    epoll::add(&poll, &input, epoll::EventData::new_u64(QUIT), epoll::EventFlags::HUP)?;
    let mut sockets = Vec::new();
    for leg in 0..legs {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, base + 2 * leg))?;
        socket.set_nonblocking(true)?;
        epoll::add(&poll, &socket, epoll::EventData::new_u64(u64::from(leg)), epoll::EventFlags::IN)?;
        sockets.push(socket);
    }
    println!("ready");
    let mut ready: Vec<epoll::Event> = Vec::with_capacity(256);
    let mut packet = [0u8; 2048];
    loop {
        ready.clear();
        epoll::wait(&poll, spare_capacity(&mut ready), None)?;
        for event in &ready {
            let from = event.data.u64();
            if from == QUIT {
                return Ok(());
            }
            let other = from as u16 ^ 1;
            let target = SocketAddr::from((Ipv4Addr::LOCALHOST, to + 2 * other));
            while let Ok(length) = sockets[from as usize].recv(&mut packet) {
                // A full socket is loss, and the report of the generator shows it.
                let _ = sockets[usize::from(other)].send_to(&packet[..length], target);
            }
        }
    }
}

//! A WebRTC peer that sends back the audio it hears: ICE-lite, DTLS and SRTP without the rest of the engine.
//!
//! For trying the stack against browsers and other implementations: the caller makes the SDP. Arguments: listening address,
//! our ufrag and password, the peer's ufrag, certificate file, key file (DER), `active` or `passive`, the peer's fingerprint.
//! Prints one line per event; ends when the peer says goodbye or falls silent.

use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use engine::dtls::{DtlsConfig, HandshakeClient, HandshakeKind, HandshakeThread};
use engine::ice::{IceConfig, IceEvent, IceLite};
use engine::srtp::Context;

const PORT: u64 = 1;

struct Echo {
    socket: UdpSocket,
    ice: IceLite,
    handshake: HandshakeClient,
    opening: Option<DtlsConfig>,
    remote: Option<SocketAddr>,
    context: Option<Context>,
    packets: u64,
    refused: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [listen, local_ufrag, local_pwd, remote_ufrag, certificate, key, role, fingerprint] = arguments else {
        return Err("expected: LISTEN UFRAG PASSWORD REMOTE_UFRAG CERTIFICATE KEY active|passive FINGERPRINT".into());
    };
    let socket = UdpSocket::bind(listen)?;
    socket.set_read_timeout(Some(Duration::from_millis(2)))?;
    println!("listening {}", socket.local_addr()?);
    let config = IceConfig {
        local_ufrag: local_ufrag.clone(),
        local_pwd: local_pwd.clone(),
        remote_ufrag: Some(remote_ufrag.clone()),
        remote_pwd: None,
        lite: true,
    };
    let thread = HandshakeThread::spawn();
    let mut echo = Echo {
        ice: IceLite::new(socket.local_addr()?, &config, Instant::now())?,
        socket,
        handshake: thread.client(|| {}),
        opening: Some(DtlsConfig {
            certificate_der: std::fs::read(certificate)?,
            private_key_pkcs8_der: std::fs::read(key)?,
            remote_fingerprint: fingerprint.clone(),
            active: role == "active",
        }),
        remote: None,
        context: None,
        packets: 0,
        refused: 0,
    };
    while echo.turn()? {}
    println!("echoed {} refused {}", echo.packets, echo.refused);
    Ok(())
}

impl Echo {
    /// One turn of the loop; false when it is over.
    fn turn(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0u8; 2048];
        if let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            self.datagram(&mut buffer, length, source)?;
        }
        self.ice.timeout(Instant::now());
        while let Some((response, to)) = self.ice.poll_transmit() {
            self.socket.send_to(&response, to)?;
        }
        while let Some(event) = self.ice.poll_event() {
            println!("ice {event:?}");
            match event {
                IceEvent::Connected { remote } | IceEvent::Nominated { remote } => self.remote = Some(remote),
                IceEvent::Disconnected => return Ok(false),
            }
            if let Some(config) = self.opening.take() {
                self.handshake.open(PORT, config);
            }
        }
        self.handshake_events()
    }

    /// Sorts by the first octet (RFC 7983).
    fn datagram(&mut self, buffer: &mut [u8; 2048], length: usize, source: SocketAddr) -> std::io::Result<()> {
        match buffer[0] {
            0..=3 => self.ice.input(&buffer[..length], source, Instant::now()),
            20..=63 => self.handshake.datagram(PORT, buffer[..length].to_vec()),
            128..=191 if !(192..=223).contains(&buffer[1]) => {
                let Some(context) = &mut self.context else { return Ok(()) };
                let echoed = context.unprotect_rtp(&mut buffer[..length]);
                let Ok(length) = echoed.and_then(|length| context.protect_rtp(buffer, length)) else {
                    self.refused += 1;
                    return Ok(());
                };
                self.packets += 1;
                self.socket.send_to(&buffer[..length], self.remote.unwrap_or(source))?;
            }
            _ => {
                let Some(context) = &mut self.context else { return Ok(()) };
                match context.unprotect_rtcp(&mut buffer[..length]) {
                    Ok(length) => println!("rtcp {length}"),
                    Err(error) => println!("rtcp refused: {error}"),
                }
            }
        }
        Ok(())
    }

    fn handshake_events(&mut self) -> std::io::Result<bool> {
        while let Some(event) = self.handshake.poll() {
            match event.kind {
                HandshakeKind::Transmit(datagram) => {
                    if let Some(remote) = self.remote {
                        self.socket.send_to(&datagram, remote)?;
                    }
                }
                HandshakeKind::Connected { keys, profile, version } => {
                    println!("connected {profile} {version}");
                    self.context = Context::new(&keys).ok();
                }
                HandshakeKind::Failed(why) => {
                    println!("failed {why}");
                    return Ok(false);
                }
                HandshakeKind::Closed => {
                    println!("closed");
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

//! The network as a worker sees it: sockets by slot of the port, and a trait so that tests have one in memory.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use rustix::net::sockopt;

use crate::ids::Slot;

/// Expedited forwarding (RFC 3246) in the upper six bits.
const DSCP_EF: u8 = 46 << 2;
const RECEIVE_BUFFER: usize = 128 * 1024;

/// Sends datagrams. A datagram that cannot be sent is lost, as on any network.
pub trait Net {
    fn send(&mut self, slot: Slot, rtcp: bool, packet: &[u8], to: SocketAddr);
}

/// The bound sockets of one port.
#[derive(Debug)]
pub struct PortSockets {
    pub rtp: UdpSocket,
    pub rtcp: Option<UdpSocket>,
}

fn bind(address: IpAddr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, port))?;
    socket.set_nonblocking(true)?;
    // Marking and buffer are wishes: containers may refuse them, and media flows all the same.
    let _ = match address {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, DSCP_EF),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, u32::from(DSCP_EF)),
    };
    let _ = sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
    Ok(socket)
}

impl PortSockets {
    /// Binds `port`, and `port + 1` for RTCP unless multiplexed.
    pub fn bind(address: IpAddr, port: u16, multiplexed: bool) -> std::io::Result<Self> {
        let rtp = bind(address, port)?;
        let rtcp = if multiplexed { None } else { Some(bind(address, port + 1)?) };
        Ok(Self { rtp, rtcp })
    }
}

/// The sockets of a worker's ports, by slot.
#[derive(Default)]
pub struct Sockets(Vec<Option<PortSockets>>);

impl Sockets {
    pub fn insert(&mut self, slot: Slot, sockets: PortSockets) {
        let index = slot as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(sockets);
    }

    pub fn remove(&mut self, slot: Slot) -> Option<PortSockets> {
        self.0.get_mut(slot as usize)?.take()
    }

    pub fn get(&self, slot: Slot, rtcp: bool) -> Option<&UdpSocket> {
        let sockets = self.0.get(slot as usize)?.as_ref()?;
        if rtcp { sockets.rtcp.as_ref() } else { Some(&sockets.rtp) }
    }
}

impl Net for Sockets {
    fn send(&mut self, slot: Slot, rtcp: bool, packet: &[u8], to: SocketAddr) {
        if let Some(socket) = self.get(slot, rtcp) {
            // Full buffer, no route, port unreachable: the packet is lost, RTCP will tell.
            let _ = socket.send_to(packet, to);
        }
    }
}

//! The network as a worker sees it: sockets by slot of the port, and a trait so that tests have one in memory.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use super::ways::{Link, Way};
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
    /// For a port that shares its number with others: the common socket, which is read at the door.
    pub rtp: UdpSocket,
    pub rtcp: Option<UdpSocket>,
    pub is_shared: bool,
    /// Sockets for single addresses of the peer.
    pub ways: Vec<Way>,
    next_way: u16,
}

fn bind(address: IpAddr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = match address {
        IpAddr::V4(_) => UdpSocket::bind((address, port))?,
        IpAddr::V6(_) => bind_v6(SocketAddr::new(address, port))?,
    };
    prepare(&socket, address)?;
    Ok(socket)
}

/// `::` means every IPv6 address, not IPv4 ones written as such.
fn bind_v6(local: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    rustix::net::bind(&socket, &local)?;
    Ok(UdpSocket::from(socket))
}

/// What every media socket is: non-blocking, marked, with room for a burst.
pub fn prepare(socket: &UdpSocket, address: IpAddr) -> std::io::Result<()> {
    socket.set_nonblocking(true)?;
    // Marking and buffer are wishes: containers may refuse them, and media flows all the same.
    let _ = match address {
        IpAddr::V4(_) => sockopt::set_ip_tos(socket, DSCP_EF),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(socket, u32::from(DSCP_EF)),
    };
    let _ = sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER);
    Ok(())
}

impl PortSockets {
    /// Binds `port`, and `port + 1` for RTCP unless multiplexed.
    pub fn bind(address: IpAddr, port: u16, multiplexed: bool) -> std::io::Result<Self> {
        let rtp = bind(address, port)?;
        let rtcp = if multiplexed { None } else { Some(bind(address, port + 1)?) };
        Ok(Self::of(rtp, rtcp))
    }

    /// Out of sockets that are bound already.
    pub fn of(rtp: UdpSocket, rtcp: Option<UdpSocket>) -> Self {
        Self { rtp, rtcp, is_shared: false, ways: Vec::new(), next_way: 0 }
    }

    /// For a port on the number that all browsers share.
    pub fn shared(common: &UdpSocket) -> std::io::Result<Self> {
        Ok(Self { is_shared: true, ..Self::of(common.try_clone()?, None) })
    }

    /// Adds a way to the peer; returns its number. A former one to the same address is closed.
    pub fn add(&mut self, remote: SocketAddr, link: Link) -> u16 {
        self.ways.retain(|way| way.remote != remote);
        let number = self.next_way;
        self.next_way = self.next_way.wrapping_add(1);
        self.ways.push(Way { number, remote, link });
        number
    }

    pub fn way(&mut self, number: u16) -> Option<&mut Way> {
        self.ways.iter_mut().find(|way| way.number == number)
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

    pub fn of(&mut self, slot: Slot) -> Option<&mut PortSockets> {
        self.0.get_mut(slot as usize)?.as_mut()
    }

    pub fn get(&self, slot: Slot, rtcp: bool) -> Option<&UdpSocket> {
        let sockets = self.0.get(slot as usize)?.as_ref()?;
        if rtcp { sockets.rtcp.as_ref() } else { Some(&sockets.rtp) }
    }
}

impl Net for Sockets {
    fn send(&mut self, slot: Slot, rtcp: bool, packet: &[u8], to: SocketAddr) {
        if let Some(sockets) = self.of(slot)
            && let Some(way) = sockets.ways.iter_mut().find(|way| way.remote == to)
        {
            way.send(packet);
        } else if let Some(socket) = self.get(slot, rtcp) {
            // Full buffer, no route, port unreachable: the packet is lost, RTCP will tell.
            let _ = socket.send_to(packet, to);
        }
    }
}

//! Further ways to a port beside its own socket: a connected socket per browser address on the port that all browsers share, and
//! TCP connections with framed packets (RFC 4571, RFC 6544).

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use super::io::prepare;
use crate::ids::MAX_DATAGRAM;

/// Ways of one port; a browser has a handful of addresses.
pub const MAX_WAYS: usize = 24;
/// Octets that are read from a connection at once.
const CHUNK: usize = 4096;

/// One way to a peer's address.
#[derive(Debug)]
pub struct Way {
    /// Tells ways of one port apart for as long as the port lives.
    pub number: u16,
    pub remote: SocketAddr,
    pub link: Link,
}

#[derive(Debug)]
pub enum Link {
    Udp(UdpSocket),
    Tcp(Connection),
}

impl Way {
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.link {
            Link::Udp(socket) => socket.as_fd(),
            Link::Tcp(connection) => connection.stream.as_fd(),
        }
    }

    /// Sends, or loses the packet.
    pub fn send(&mut self, packet: &[u8]) {
        match &mut self.link {
            Link::Udp(socket) => {
                let _ = socket.send(packet); // full buffer, port unreachable: lost as on any network
            }
            Link::Tcp(connection) => connection.send(packet),
        }
    }
}

/// A UDP socket on a port that others have too.
pub fn shared(local: SocketAddr) -> std::io::Result<UdpSocket> {
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    if local.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &local)?;
    let socket = UdpSocket::from(socket);
    prepare(&socket, local.ip())?;
    Ok(socket)
}

/// A socket on the shared port that gets what comes from `remote`, and nothing else.
///
/// Between `bind` and `connect` a stranger's packet may end up here; the reader drops what is of another source, and a check is
/// repeated by its sender.
pub fn connected(local: SocketAddr, remote: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = shared(local)?;
    connect(&socket, &remote)?;
    Ok(socket)
}

/// A TCP connection that carries packets, each with its length in front.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What came and is no whole packet yet.
    received: Vec<u8>,
    /// The rest of a packet that the kernel took in part.
    unsent: Vec<u8>,
}

impl Connection {
    /// `received` is what was read already.
    pub fn new(stream: TcpStream, received: Vec<u8>) -> Self {
        Self { stream, received, unsent: Vec::new() }
    }

    /// A packet that the peer's window has no room for is lost: late sound is worth nothing.
    fn send(&mut self, packet: &[u8]) {
        if !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(_) => return, // not yet, or never again: reading tells
            }
        }
        let mut frame = [0u8; MAX_DATAGRAM + 2];
        let (Ok(length), Some(room)) = (u16::try_from(packet.len()), frame.get_mut(..packet.len() + 2)) else { return };
        if !self.unsent.is_empty() {
            return;
        }
        room[..2].copy_from_slice(&length.to_be_bytes());
        room[2..].copy_from_slice(packet);
        if let Ok(count) = self.stream.write(room)
            && count < room.len()
        {
            self.unsent.extend_from_slice(&room[count..]);
        }
    }

    /// Reads what is there. False when the connection is over or does not keep to the framing.
    pub fn fill(&mut self) -> bool {
        let mut chunk = [0u8; CHUNK];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                frame_length(&self.received).is_none_or(|length| length <= MAX_DATAGRAM)
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// The first packet, when it is whole; it stays.
    pub fn peek(&self) -> Option<&[u8]> {
        self.received.get(2..2 + frame_length(&self.received)?)
    }

    /// The next whole packet.
    pub fn packet(&mut self) -> Option<Vec<u8>> {
        take_frame(&mut self.received)
    }
}

fn frame_length(received: &[u8]) -> Option<usize> {
    received.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)))
}

/// Takes the first packet out of framed octets, when it is whole.
pub fn take_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = frame_length(received)?;
    let packet = received.get(2..2 + length)?.to_vec();
    received.drain(..2 + length);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, TcpListener};

    #[test]
    fn a_connected_socket_gets_its_peer_and_the_shared_one_the_strangers() {
        let door = shared(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).unwrap();
        let local = door.local_addr().unwrap();
        let (friend, stranger) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let way = connected(local, friend.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 64];
        for _ in 0..8 {
            friend.send_to(b"friend", local).unwrap();
            stranger.send_to(b"stranger", local).unwrap();
            assert_eq!(way.recv(&mut buffer).unwrap(), 6);
            assert_eq!(door.recv(&mut buffer).unwrap(), 8);
        }
        assert_eq!(way.recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    #[test]
    fn packets_of_a_connection_come_whole_however_they_are_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        far.set_nodelay(true).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut connection = Connection::new(stream, vec![0]);
        far.write_all(&[3, 1, 2, 3, 0, 1]).unwrap();
        assert!(connection.fill());
        assert_eq!((connection.packet(), connection.packet()), (Some(vec![1, 2, 3]), None));
        far.write_all(&[9, 0xff, 0xff]).unwrap();
        assert!(connection.fill());
        assert_eq!(connection.packet(), Some(vec![9]));
        far.write_all(&[1]).unwrap();
        assert!(!connection.fill(), "no packet is that long");
        connection.send(b"hello");
        let mut read = [0; 7];
        far.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"\0\x05hello");
    }
}

//! SIP's UDP sockets: batches in and out, kernel receive stamps, drop counts.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt,
    sockopt,
};
use nix::sys::time::TimeSpec;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

/// Datagrams taken from the kernel at once.
pub const BATCH: usize = 32;
/// Largest UDP payload.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Asked of the kernel, which caps it at net.core.rmem_max: the default of 212 kB loses
/// datagrams at every scheduling hiccup.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// One bound socket.
pub struct UdpPort {
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    /// Datagrams that the kernel dropped for want of buffer (SO_RXQ_OVFL).
    pub dropped: u32,
    /// Datagrams that could not be sent.
    pub send_errors: u64,
}

/// A datagram and its kernel stamp (system time since the epoch).
pub struct Datagram<'a> {
    /// Source.
    pub remote: SocketAddr,
    /// Payload.
    pub bytes: &'a [u8],
    /// SO_TIMESTAMPNS.
    pub stamp: Option<Duration>,
}

impl UdpPort {
    /// Binds; port 0 takes a free one.
    ///
    /// # Errors
    /// What the kernel says, e.g. that the address is in use or not on this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
        setsockopt(&socket, sockopt::SndBuf, &RECEIVE_BUFFER_BYTES)?;
        let local = socket.local_addr()?;
        let buffer = vec![0; BATCH * DATAGRAM_BYTES_MAX];
        Ok(Self { socket, local, buffer, dropped: 0, send_errors: 0 })
    }

    /// Own address.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// For poll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Takes what is there, at most one batch; gives how many datagrams came.
    pub fn receive(&mut self, mut each: impl FnMut(Datagram<'_>)) -> usize {
        // The kernel shortens the lengths in the headers, so each batch gets fresh ones.
        let space = cmsg_space!(TimeSpec, u32);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(space));
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            self.buffer.chunks_mut(DATAGRAM_BYTES_MAX).map(|c| [IoSliceMut::new(c)]).collect();
        let flags = MsgFlags::MSG_DONTWAIT;
        let fd = self.socket.as_raw_fd();
        let Ok(results) = recvmmsg(fd, &mut headers, slices.iter_mut(), flags, None) else {
            return 0; // nothing there, or an ICMP error of an earlier send: neither is ours to act on
        };
        let mut count = 0;
        let mut dropped = self.dropped;
        for message in results {
            count += 1;
            let mut stamp = None;
            for control in message.cmsgs().into_iter().flatten() {
                match control {
                    ControlMessageOwned::ScmTimestampns(ts) => stamp = Some(Duration::from(ts)),
                    ControlMessageOwned::RxqOvfl(total) => dropped = total,
                    _ => {} // other control messages were not asked for
                }
            }
            let remote = message.address.and_then(|a| to_std(&a));
            let bytes = message.iovs().next();
            if let (Some(remote), Some(bytes)) = (remote, bytes) {
                each(Datagram { remote, bytes, stamp });
            }
        }
        self.dropped = dropped;
        count
    }

    /// Sends in order. What the kernel refuses is counted and left to SIP's retransmissions.
    pub fn send(&mut self, batch: &[(SocketAddr, &[u8])]) {
        let mut rest = batch;
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(BATCH)];
            let sent = self.send_part(part);
            if sent < part.len() {
                self.send_errors += 1;
            }
            rest = &rest[(sent + usize::from(sent < part.len())).min(rest.len())..];
        }
    }

    fn send_part(&self, part: &[(SocketAddr, &[u8])]) -> usize {
        if let [(remote, bytes)] = part {
            return usize::from(self.socket.send_to(bytes, remote).is_ok());
        }
        let slices: Vec<[IoSlice<'_>; 1]> = part.iter().map(|(_, b)| [IoSlice::new(b)]).collect();
        let to: Vec<Option<SockaddrStorage>> =
            part.iter().map(|(a, _)| Some(SockaddrStorage::from(*a))).collect();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(part.len(), None);
        let fd = self.socket.as_raw_fd();
        match sendmmsg(fd, &mut headers, slices.iter(), &to, [], MsgFlags::MSG_DONTWAIT) {
            Ok(results) => results.count(),
            Err(Errno::EINTR) => self.send_part(part),
            Err(_) => 0,
        }
    }
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn datagrams_come_in_order_with_their_kernel_stamp() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let mut a = UdpPort::bind(any.parse().unwrap()).unwrap();
            let mut b = UdpPort::bind(any.parse().unwrap()).unwrap();
            let bodies: Vec<Vec<u8>> = (0..70u8).map(|n| vec![n; usize::from(n) + 1]).collect();
            let batch: Vec<_> = bodies.iter().map(|d| (b.local(), d.as_slice())).collect();
            a.send(&batch);
            let (mut got, from) = (Vec::new(), a.local());
            while got.len() < bodies.len() {
                let count = b.receive(|d| {
                    assert_eq!(d.remote, from);
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                    assert!(now - d.stamp.unwrap() < Duration::from_secs(5));
                    got.push(d.bytes.to_vec());
                });
                assert!(count > 0, "only {} came", got.len());
            }
            assert_eq!(got, bodies);
            assert_eq!((b.receive(|_| ()), b.dropped, a.send_errors), (0, 0, 0));
        }
    }
}

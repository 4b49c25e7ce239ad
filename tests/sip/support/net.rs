//! Loopback addresses that no other running test has.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Networks 127.0.FIRST.0/24 to 127.0.LAST.0/24 belong to the tests.
const FIRST: u8 = 100;
const LAST: u8 = 227;

/// Port on host 1 of a network that its owner keeps bound.
const CLAIM_PORT: u16 = 5059;

/// One /24 of the loopback network, and ten ports of the IPv6 loopback address.
pub struct Net {
    number: u8,
    _claim: UdpSocket,
}

impl Net {
    /// Takes a free network: whoever holds its claim socket owns it, across processes.
    pub fn claim() -> Self {
        let started = Instant::now();
        // Neighbouring processes begin at different places.
        let mut number = FIRST + (std::process::id() % u32::from(LAST - FIRST + 1)) as u8;
        while started.elapsed() < Duration::from_secs(30) {
            let address = (Ipv4Addr::new(127, 0, number, 1), CLAIM_PORT);
            if let Ok(claim) = UdpSocket::bind(address) {
                return Self { number, _claim: claim };
            }
            number = if number == LAST { FIRST } else { number + 1 };
        }
        panic!("no free 127.0.x.0/24 network in 30 s");
    }

    pub fn host(&self, host: u8) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(127, 0, self.number, host), 5060))
    }

    /// The outside world's first line.
    pub fn carrier(&self) -> SocketAddr {
        self.host(2)
    }

    pub fn trunkline(&self) -> SocketAddr {
        self.host(3)
    }

    /// Where trunkline listens over a transport.
    pub fn trunkline_over(&self, transport: &str) -> SocketAddr {
        let port = match transport {
            "tls" => 5061,
            "ws" => 5062,
            "wss" => 5063,
            _ => 5060,
        };
        SocketAddr::new(self.trunkline().ip(), port)
    }

    pub fn pbx(&self) -> SocketAddr {
        self.host(4)
    }

    /// The second line.
    pub fn backup(&self) -> SocketAddr {
        self.host(5)
    }

    /// The PBX of a branch.
    pub fn branch(&self) -> SocketAddr {
        self.host(6)
    }

    /// A DNS server of the test's own.
    pub fn name_server(&self) -> SocketAddr {
        SocketAddr::new(self.host(7).ip(), 5353)
    }

    /// Somebody who is in no configuration.
    pub fn stranger(&self) -> SocketAddr {
        self.host(66)
    }

    pub fn http(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(127, 0, self.number, 3), 8080))
    }

    /// There is one IPv6 loopback address only, so peers on it differ by port.
    pub fn v6(&self, index: u8) -> SocketAddr {
        assert!(index < 10, "ten ports a network");
        let port = 21_000 + u16::from(self.number - FIRST) * 10 + u16::from(index);
        SocketAddr::from((Ipv6Addr::LOCALHOST, port))
    }
}

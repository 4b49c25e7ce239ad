//! Numbers and addresses as text, into a buffer that is there already: a message has dozens of
//! them, and the standard formatter costs more than the rest of the line.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Decimal.
pub fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The low `digits` hexadecimal digits, lower case, zeros in front.
pub fn push_hex(out: &mut Vec<u8>, number: u64, digits: u32) {
    let digit = |place: u32| (number >> (4 * place) & 15) as usize;
    out.extend((0..digits).rev().map(|place| b"0123456789abcdef"[digit(place)]));
}

/// An address without port.
pub fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (place, octet) in ip.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                push_number(out, octet.into());
            }
        }
        IpAddr::V6(ip) => drop(write!(out, "{ip}")), // a buffer in memory takes all
    }
}

/// Address and port, as in a URI.
pub fn push_addr(out: &mut Vec<u8>, addr: SocketAddr) {
    if let SocketAddr::V6(addr) = addr {
        let _ = write!(out, "{addr}"); // as above
        return;
    }
    push_ip(out, addr.ip());
    out.push(b':');
    push_number(out, addr.port().into());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"before ".to_vec();
        push(&mut out);
        String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    proptest! {
        /// The same text as the standard formatter's.
        #[test]
        fn writes_what_the_formatter_writes(number: u64, ip: IpAddr, port: u16) {
            let addr = SocketAddr::new(ip, port);
            prop_assert_eq!(text(|out| push_number(out, number)), number.to_string());
            prop_assert_eq!(text(|out| push_hex(out, number, 16)), format!("{number:016x}"));
            prop_assert_eq!(text(|out| push_hex(out, number & 0xffff, 4)),
                format!("{:04x}", number & 0xffff));
            prop_assert_eq!(text(|out| push_ip(out, ip)), ip.to_string());
            prop_assert_eq!(text(|out| push_addr(out, addr)), addr.to_string());
        }
    }
}

//! The little of a session description that a call's state needs (RFC 3264 §5.1, RFC 4566).

use crate::sip::MediaDirection;
use memchr::memmem;

/// Direction of the first media stream: its own attribute, else the session's.
pub(super) fn direction(body: &[u8]) -> MediaDirection {
    let (mut session, mut media, mut in_media) = (None, None, false);
    let mut silent = false;
    for line in body.split(|b| *b == b'\n') {
        let line = line.trim_ascii_end();
        if line.starts_with(b"m=") {
            if in_media {
                break;
            }
            in_media = true;
            continue;
        }
        silent |= line == b"c=IN IP4 0.0.0.0";
        let found = match line {
            b"a=sendrecv" => MediaDirection::SendRecv,
            b"a=sendonly" => MediaDirection::SendOnly,
            b"a=recvonly" => MediaDirection::RecvOnly,
            b"a=inactive" => MediaDirection::Inactive,
            _ => continue,
        };
        if in_media { media = media.or(Some(found)) } else { session = session.or(Some(found)) }
    }
    if silent {
        return MediaDirection::Inactive;
    }
    media.or(session).unwrap_or(MediaDirection::SendRecv)
}

/// The session description in a body of that type: the body itself, or one part of a multipart.
pub(super) fn find<'a>(content_type: &[u8], body: &'a [u8]) -> Option<&'a [u8]> {
    const SDP: &[u8] = b"application/sdp";
    let starts = |text: &[u8], with: &[u8]| {
        text.len() >= with.len() && text[..with.len()].eq_ignore_ascii_case(with)
    };
    if body.is_empty() {
        return None;
    }
    if starts(content_type, SDP) {
        return Some(body);
    }
    if !starts(content_type, b"multipart/") {
        return None;
    }
    let part = memmem::find(body, SDP)?;
    let start = part + memmem::find(&body[part..], b"\r\n\r\n")? + 4;
    let end = memmem::find(&body[start..], b"\r\n--").map_or(body.len(), |i| start + i);
    Some(&body[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use MediaDirection as D;

    #[test]
    fn the_first_stream_decides() {
        for (body, direction_) in [
            ("v=0\r\nm=audio 1 RTP/AVP 0\r\n", D::SendRecv),
            ("v=0\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\n", D::SendOnly),
            ("a=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n", D::SendRecv),
            (
                "m=audio 1 RTP/AVP 0\r\na=recvonly\r\nm=video 2 RTP/AVP 9\r\na=inactive\r\n",
                D::RecvOnly,
            ),
            ("c=IN IP4 0.0.0.0\r\nm=audio 1 RTP/AVP 0\r\na=sendrecv\r\n", D::Inactive),
            ("m=audio 1 RTP/AVP 0\na=inactive\n", D::Inactive),
        ] {
            assert_eq!(direction(body.as_bytes()), direction_, "{body}");
        }
    }

    #[test]
    fn finds_the_description_in_a_multipart() {
        let body = b"--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\n\
            Content-Type: application/sdp\r\n\r\nv=0\r\na=inactive\r\n--b--\r\n";
        let sdp = find(b"multipart/mixed;boundary=b", body);
        assert_eq!(sdp.map(direction), Some(D::Inactive));
        assert_eq!(find(b"text/plain", b"v=0"), None);
        assert_eq!(find(b"application/sdp", b""), None);
    }
}

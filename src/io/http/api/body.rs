//! Bodies that are written piece by piece: the entities of a large snapshot are encoded as the
//! client reads, and never all at once.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Text that is encoded before it is written.
const PIECE_BYTES: usize = 32 << 10;
/// Time to write a body. Beyond: the connection is cut, and the client sees that the body is
/// not whole.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// Collects short texts to pieces.
struct Pieces<T> {
    texts: Option<T>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    until: Instant,
    /// A place among those who read large bodies.
    _place: OwnedSemaphorePermit,
}

impl<T: Iterator<Item = String>> Pieces<T> {
    /// `None`: all is written.
    fn piece(&mut self) -> std::io::Result<Option<Bytes>> {
        if Instant::now() > self.until {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        let Some(texts) = &mut self.texts else { return Ok(None) };
        let mut plain = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        while plain.len() < PIECE_BYTES {
            match texts.next() {
                Some(text) => plain.extend_from_slice(text.as_bytes()),
                None => {
                    self.texts = None;
                    break;
                }
            }
        }
        let Some(gzip) = &mut self.gzip else { return Ok(Some(plain.into())) };
        gzip.write_all(&plain)?;
        let written = std::mem::take(gzip.get_mut());
        match (&self.texts, self.gzip.take_if(|_| self.texts.is_none())) {
            (None, Some(gzip)) => {
                // The end is written after what `written` took out.
                let rest = gzip.finish()?;
                Ok(Some([written, rest].concat().into()))
            }
            _ => Ok(Some(written.into())),
        }
    }
}

impl<T: Iterator<Item = String>> Iterator for Pieces<T> {
    type Item = std::io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.piece() {
                // The compressor may keep a whole piece to itself; an empty one would be no end.
                Ok(Some(piece)) if piece.is_empty() => {}
                piece => return piece.transpose(),
            }
        }
    }
}

/// JSON of these texts, compressed where the client takes that.
pub(super) fn json(
    texts: impl Iterator<Item = String> + Send + 'static,
    asked: &HeaderMap,
    place: OwnedSemaphorePermit,
) -> Response {
    let gzip = takes_gzip(asked);
    let pieces = Pieces {
        texts: Some(texts),
        gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
        until: Instant::now() + BODY_TIME_MAX,
        _place: place,
    };
    let mut answer = Response::new(Body::from_stream(futures_util::stream::iter(pieces)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

/// The members of a list header that have a weight above zero (RFC 9110 §12.4.2).
fn wanted(headers: &HeaderMap, name: header::HeaderName) -> Vec<String> {
    let values = headers.get_all(name).into_iter().filter_map(|v| v.to_str().ok());
    let weighed = |member: &str| {
        let (name, rest) = member.split_once(';').unwrap_or((member, ""));
        let weight = rest.split(';').find_map(|p| p.trim().strip_prefix("q="));
        let none = weight.and_then(|q| q.trim().parse::<f32>().ok()).is_some_and(|q| q <= 0.0);
        (!none).then(|| name.trim().to_ascii_lowercase())
    };
    values.flat_map(|v| v.split(',').filter_map(weighed).collect::<Vec<_>>()).collect()
}

/// RFC 9110 §12.5.3.
fn takes_gzip(headers: &HeaderMap) -> bool {
    wanted(headers, header::ACCEPT_ENCODING).iter().any(|coding| coding == "gzip")
}

/// RFC 9110 §12.5.1.
pub(super) fn takes(headers: &HeaderMap, ranges: &[&str]) -> bool {
    !headers.contains_key(header::ACCEPT)
        || wanted(headers, header::ACCEPT).iter().any(|range| ranges.contains(&range.as_str()))
}

/// Whether the client takes JSON.
pub(super) fn takes_json(headers: &HeaderMap) -> bool {
    takes(headers, &["application/json", "application/*", "*/*"])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::to_bytes;
    use flate2::read::GzDecoder;
    use std::io::Read as _;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    fn asks(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[tokio::test]
    async fn a_body_is_the_texts_plain_or_compressed() {
        let places = Arc::new(Semaphore::new(1));
        // Sizes around a piece, and texts that the compressor swallows.
        for texts in [vec![], vec![1], vec![PIECE_BYTES], vec![20_000; 9], vec![1; 40_000]] {
            let text = |(n, len): (usize, &usize)| {
                char::from(b'a' + (n % 7) as u8).to_string().repeat(*len)
            };
            let texts: Vec<String> = texts.iter().enumerate().map(text).collect();
            for coding in ["gzip", "identity"] {
                let place = places.clone().try_acquire_owned().unwrap();
                let asked = asks(header::ACCEPT_ENCODING, coding);
                let answer = json(texts.clone().into_iter(), &asked, place);
                let is_gzip = answer.headers().contains_key(header::CONTENT_ENCODING);
                assert_eq!(is_gzip, coding == "gzip");
                let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
                let mut read = String::new();
                match is_gzip {
                    true => GzDecoder::new(&body[..]).read_to_string(&mut read).unwrap(),
                    false => (&body[..]).read_to_string(&mut read).unwrap(),
                };
                assert!(read == texts.concat(), "{} texts, {coding}", texts.len());
            }
        }
        assert_eq!(places.available_permits(), 1, "the place is given back");
    }

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_cut_off() {
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let texts = std::iter::repeat_n("x".repeat(PIECE_BYTES), 3);
        let until = Instant::now() + Duration::from_secs(60);
        let mut pieces = Pieces { texts: Some(texts), gzip: None, until, _place: place };
        assert_eq!(pieces.next().unwrap().unwrap().len(), PIECE_BYTES);
        pieces.until = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        let error = pieces.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    #[test]
    fn weights_decide_what_is_taken() {
        for (value, takes) in [
            ("gzip", true),
            ("br, GZip;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("identity", false),
        ] {
            assert_eq!(takes_gzip(&asks(header::ACCEPT_ENCODING, value)), takes, "{value}");
        }
        for (value, takes) in [
            ("application/json", true),
            ("text/html, */*;q=0.1", true),
            ("application/*", true),
            ("text/html", false),
            ("application/json;q=0, text/html", false),
        ] {
            assert_eq!(takes_json(&asks(header::ACCEPT, value)), takes, "{value}");
        }
        assert!(takes_json(&HeaderMap::new()));
    }
}

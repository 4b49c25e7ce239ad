//! Writing to a desk's socket, with a limit on how long it may take.

use super::close::Close;
use super::queue::DeskQueue;
use futures_util::SinkExt as _;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Most a peer may still send after we closed; it is read and thrown away, so that the close
/// frame is not lost to a reset.
const LINGER_BYTES_MAX: u64 = 1 << 20;

/// How a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We close.
    Close(Close),
    /// The peer has closed, or the connection is lost.
    Gone,
}

/// Explicit sizes: the library's defaults cost 128 KiB a socket. The write buffer needs no limit
/// of its own: above 4 KiB a message is written out before the next is taken.
pub(super) fn ws_config(message_bytes_max: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(1 << 10)
        .write_buffer_size(4 << 10)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
}

/// Sends all of it before `deadline`, else the desk is slow; a kick ends it at once.
pub(super) async fn send_all<S>(
    ws: &mut WebSocketStream<S>,
    messages: impl Iterator<Item = Message>,
    deadline: Instant,
    queue: &DeskQueue,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let write = async {
        for message in messages {
            ws.feed(message).await?;
        }
        ws.flush().await
    };
    tokio::select! {
        biased;
        done = write => done.map_err(|_| End::Gone),
        close = queue.kicked() => Err(End::Close(close)),
        () = tokio::time::sleep_until(deadline) => Err(End::Close(Close::SlowConsumer)),
    }
}

/// Says why, then lets the peer finish within `wait`.
pub(super) async fn finish<S>(
    mut ws: WebSocketStream<S>,
    last: Option<Message>,
    close: Close,
    wait: Duration,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame =
        CloseFrame { code: close.code().into(), reason: Utf8Bytes::from_static(close.reason()) };
    let bye = async {
        if let Some(last) = last {
            ws.feed(last).await.ok()?;
        }
        ws.send(Message::Close(Some(frame))).await.ok()?;
        let mut raw = ws.into_inner();
        raw.shutdown().await.ok()?;
        let mut rest = raw.take(LINGER_BYTES_MAX);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.ok()
    };
    // A peer that does not read loses the reason, not more.
    let _ = timeout(wait, bye).await;
}

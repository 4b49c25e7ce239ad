//! Reading and writing a byte stream: TCP and TLS.

use super::conn::{Conn, Why};
use super::queue::{Item, Outbox};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use trunkline_core::sip::{Frame, Framer};

/// Messages that go out in one write.
const BATCH: usize = 32;

/// Serves an open connection until it ends.
pub(super) async fn serve<S>(stream: S, conn: Conn, mut outbox: Outbox)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (reader, writer) = tokio::io::split(stream);
    let mut batch = Vec::new();
    let why = {
        let read = read_all(reader, &conn);
        let write = write_all(writer, &conn, &mut outbox, &mut batch);
        conn.run(read, write).await
    };
    conn.ended(why, outbox.end(batch)).await;
}

async fn read_all(mut reader: impl AsyncRead + Unpin, conn: &Conn) -> Why {
    let mut framer = Framer::new(conn.context.limits.frame);
    loop {
        match reader.read(framer.room()).await {
            Ok(0) => return Why::Peer,
            Ok(count) => framer.filled(count),
            Err(error) => return Why::Io(error),
        }
        let at = conn.heard();
        let mut some = false;
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => {
                    some = true;
                    conn.message(bytes.to_vec(), at).await;
                }
                Ok(Some(Frame::Ping)) => conn.pinged(),
                Ok(None) => break,
                Err(error) => return Why::Framing(error),
            }
        }
        conn.inside(framer.is_inside(), some);
    }
}

async fn write_all(
    mut writer: impl AsyncWrite + Unpin,
    conn: &Conn,
    outbox: &mut Outbox,
    batch: &mut Vec<Item>,
) -> Why {
    let mut joined = Vec::new();
    loop {
        if outbox.next(batch, BATCH).await == 0 {
            conn.writing();
            let _ = writer.shutdown().await; // the peer may be gone already
            return Why::Ours;
        }
        conn.writing();
        // One write for what waits together: one segment, one TLS record.
        let bytes = match batch.as_slice() {
            [one] => &one.bytes,
            several => {
                joined.clear();
                several.iter().for_each(|item| joined.extend_from_slice(&item.bytes));
                &joined
            }
        };
        let written = async {
            writer.write_all(bytes).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return Why::Io(error);
        }
        conn.wrote(batch);
        outbox.wrote(batch);
    }
}

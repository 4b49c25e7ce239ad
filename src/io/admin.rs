//! The owner's command socket: one JSON object a line in each direction, mode 0600.
//!
//! A request is one line; the answer is one or more lines, the last of which has `"done":true` or
//! is an `{"error":{"code","message"}}`. `tail` answers until the client goes.

use serde_json::{Value, json};
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// Longest request, bytes: an import comes in many requests.
pub const REQUEST_BYTES_MAX: u64 = 4 << 20;
/// Requests served at once.
const CONNECTIONS_MAX: usize = 64;

/// Lines of an answer; closing it ends the answer.
pub type Answer = mpsc::Sender<Value>;
/// Serves one request of a user (`uid:1000`, as the kernel says).
pub type Handler =
    Arc<dyn Fn(Value, String, Answer) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A bound socket; the file goes when this does.
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl AdminSocket {
    /// Binds with mode 0600. A socket that nobody listens on is replaced.
    ///
    /// # Errors
    /// If another process serves on it, something else stands there, or the folder is absent.
    pub fn bind(path: &Path) -> io::Result<Self> {
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                let message = "is there and is no socket";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                let message = "another trunkline serves on it";
                return Err(io::Error::new(io::ErrorKind::AddrInUse, message));
            }
            std::fs::remove_file(path)?;
        }
        // Bound under a name nobody knows and then moved, so that it is never open to others.
        let hidden = path.with_extension(format!("new{}", std::process::id()));
        let _ = std::fs::remove_file(&hidden);
        let listener = UnixListener::bind(&hidden)?;
        std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&hidden, path)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves until the task is dropped.
    pub async fn serve(self, handler: Handler) {
        let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = handler.clone();
                    tokio::spawn(async move {
                        let _place = place;
                        let _ = connection(stream, handler).await; // the client went
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "admin socket cannot accept");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn connection(stream: UnixStream, handler: Handler) -> io::Result<()> {
    let who = format!("uid:{}", stream.peer_cred()?.uid());
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    loop {
        let mut line = String::new();
        let count = (&mut lines).take(REQUEST_BYTES_MAX).read_line(&mut line).await?;
        if count == 0 {
            return Ok(());
        }
        let (answer, mut answers) = mpsc::channel(64);
        match serde_json::from_str::<Value>(&line) {
            Ok(request) => {
                let task = handler(request, who.clone(), answer);
                let write = async {
                    while let Some(value) = answers.recv().await {
                        let mut text = value.to_string();
                        text.push('\n');
                        write.write_all(text.as_bytes()).await?;
                    }
                    io::Result::Ok(())
                };
                // A client that goes ends its request: `write` fails and drops the task.
                let gone = async {
                    let mut one = [0; 1];
                    lines.get_mut().peek_closed(&mut one).await;
                };
                tokio::select! {
                    done = async { tokio::join!(task, write).1 } => done?,
                    () = gone => return Ok(()),
                }
            }
            Err(error) => {
                let answer = error_line("BAD_REQUEST", &format!("no JSON line: {error}"));
                write.write_all(format!("{answer}\n").as_bytes()).await?;
            }
        }
    }
}

trait PeekClosed {
    async fn peek_closed(&mut self, buffer: &mut [u8]);
}

impl PeekClosed for tokio::net::unix::OwnedReadHalf {
    /// Returns when the peer has closed; data that comes early is left alone.
    async fn peek_closed(&mut self, _buffer: &mut [u8]) {
        loop {
            match self.ready(tokio::io::Interest::READABLE).await {
                Ok(ready) if ready.is_read_closed() => return,
                Err(_) => return,
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }
}

/// An error answer.
pub fn error_line(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

/// The client's side: sends one request and gives each line of the answer to `each`, which says
/// whether to go on.
///
/// # Errors
/// If nobody serves on the socket or the connection breaks.
pub fn request(
    socket: &Path,
    request: &Value,
    mut each: impl FnMut(Value) -> bool,
) -> io::Result<()> {
    use std::io::{BufRead, BufReader, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    for line in BufReader::new(stream).lines() {
        let value: Value = serde_json::from_str(&line?)?;
        let last = value.get("done").is_some() || value.get("error").is_some();
        if !each(value) || last {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the admin socket"))
}

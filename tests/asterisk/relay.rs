//! A connection between two addresses that a test can cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Forwards every connection while it is whole.
pub struct Relay {
    at: SocketAddr,
    listening: Option<JoinHandle<()>>,
    state: Arc<Mutex<State>>,
    back: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    broken: bool,
    over: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    pub fn start(at: SocketAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).unwrap_or_else(|e| panic!("{at}: {e}"));
        let state = Arc::new(Mutex::new(State::default()));
        let back = Arc::<AtomicU64>::default();
        let (shared, count) = (Arc::clone(&state), Arc::clone(&back));
        let listening = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.lock().unwrap().over {
                    break;
                }
                let Ok(server) = TcpStream::connect(to) else { continue };
                let mut state = shared.lock().unwrap();
                if state.broken {
                    continue; // both are closed by being dropped
                }
                let both = || (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (from_client, to_server) = both();
                copy(from_client, to_server, Arc::default());
                let (to_client, from_server) = both();
                copy(from_server, to_client, Arc::clone(&count));
                state.open.extend([client, server]);
            }
        });
        Self { at, listening: Some(listening), state, back }
    }

    /// Bytes that the server has sent so far.
    pub fn sent_back(&self) -> u64 {
        self.back.load(Ordering::Relaxed)
    }

    /// Ends every connection, and those that are tried from now on.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.broken = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.lock().unwrap().broken = false;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        if let Ok(mut state) = self.state.lock() {
            state.over = true;
        }
        let _ = TcpStream::connect(self.at); // wakes who listens
        if let Some(listening) = self.listening.take() {
            let _ = listening.join(); // the address is free then
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            count.fetch_add(length as u64, Ordering::Relaxed);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

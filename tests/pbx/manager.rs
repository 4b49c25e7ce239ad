//! A scripted Asterisk Manager: answers as Asterisk 22 does, until its mood says otherwise.

use crate::site::PASSWORD;
use crate::support::process::poll_until;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CHALLENGE: &str = "12345";
/// MD5 of the challenge and [`PASSWORD`].
const KEY: &str = "d6bf7523a8407696bb9448d0d0fecca8";

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    /// Nothing.
    Fine,
    /// Says nothing at all.
    Mute,
    /// Is something else.
    Other(&'static str),
    /// Answers until it has sent its lists, then never again, and reads nothing.
    Freezes,
}

/// A listening manager; dropping it ends the listening, and closes nothing that is open.
pub struct Manager {
    at: SocketAddr,
    over: Arc<AtomicBool>,
    accepted: Arc<AtomicUsize>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    actions: Mutex<Receiver<Vec<String>>>,
}

impl Manager {
    pub fn start(at: SocketAddr, mood: Mood) -> Self {
        assert_eq!(PASSWORD, "secret", "KEY is made of it");
        let listener = listen(at);
        let (tell, actions) = channel();
        let manager = Self {
            at,
            over: Arc::default(),
            accepted: Arc::default(),
            streams: Arc::default(),
            actions: Mutex::new(actions),
        };
        let (accepted, streams) = (manager.accepted.clone(), manager.streams.clone());
        let over = manager.over.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                accepted.fetch_add(1, Ordering::SeqCst);
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream, mood, &tell));
            }
        });
        manager
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Says something on the newest connection.
    pub fn say(&self, text: &str) -> std::io::Result<()> {
        let mut stream = self.streams.lock().unwrap().last().unwrap().try_clone().unwrap();
        stream.write_all(text.as_bytes())
    }

    /// Ends the newest connection.
    pub fn hang_up(&self) {
        let _ = self.streams.lock().unwrap().last().unwrap().shutdown(std::net::Shutdown::Both);
    }

    /// Waits for an action of this name; all its lines.
    pub fn expect(&self, action: &str) -> Vec<String> {
        let actions = self.actions.lock().unwrap();
        let name = format!("Action: {action}");
        loop {
            let lines = actions.recv_timeout(Duration::from_secs(20)).expect(action);
            if lines.contains(&name) {
                return lines;
            }
        }
    }
}

impl Drop for Manager {
    /// Its address belongs to another test then.
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.at); // wakes the one who listens
    }
}

/// The peer of the test before may be about to leave this address.
pub fn listen(at: SocketAddr) -> TcpListener {
    let mut bound = None;
    poll_until(Duration::from_secs(10), || {
        bound = TcpListener::bind(at).ok();
        bound.is_some()
    });
    bound.unwrap_or_else(|| panic!("{at} is in use"))
}

fn serve(stream: TcpStream, mood: Mood, tell: &Sender<Vec<String>>) {
    let mut out = stream.try_clone().unwrap();
    let banner = match mood {
        Mood::Mute => return std::thread::sleep(Duration::from_secs(60)),
        Mood::Other(banner) => banner,
        Mood::Fine | Mood::Freezes => "Asterisk Call Manager/11.0.0\r\n",
    };
    if out.write_all(banner.as_bytes()).is_err() {
        return;
    }
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    loop {
        let block: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        if block.is_empty() {
            return;
        }
        let value = |key: &str| {
            let found = block.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            found.unwrap_or("").to_owned()
        };
        let action = value("Action");
        if out.write_all(answer(&action, &value("ActionID"), &value("Key")).as_bytes()).is_err() {
            return;
        }
        let _ = tell.send(block); // nobody may be waiting
        if mood == Mood::Freezes && action == "QueueStatus" {
            return std::thread::sleep(Duration::from_secs(60));
        }
    }
}

fn answer(action: &str, id: &str, key: &str) -> String {
    let success = |rest: &str| format!("Response: Success\r\nActionID: {id}\r\n{rest}\r\n");
    let list = |name: &str| {
        let begin = success("EventList: start\r\nMessage: follows\r\n");
        format!(
            "{begin}Event: {name}\r\nActionID: {id}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n"
        )
    };
    match action {
        "Challenge" => success(&format!("Challenge: {CHALLENGE}\r\n")),
        "Login" if key == KEY => {
            let booted = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n";
            success("Message: Authentication accepted\r\n") + booted + "\r\n"
        }
        "Login" => {
            format!("Response: Error\r\nActionID: {id}\r\nMessage: Authentication failed\r\n\r\n")
        }
        "CoreSettings" => success("AMIversion: 11.0.0\r\nAsteriskVersion: 22.10.0\r\n"),
        "CoreStatus" => success("CoreStartupDate: 2026-11-23\r\nCoreStartupTime: 02:00:00\r\n"),
        "BridgeList" => list("BridgeListComplete"),
        "Status" => list("StatusComplete"),
        "QueueStatus" => list("QueueStatusComplete"),
        "Ping" => success("Ping: Pong\r\n"),
        _ => success(""),
    }
}

//! The virtual PBX on sockets: SIP over UDP, the manager over TCP.

use super::switch::Switch;
use super::text::{Action, Block};
use crate::sim::ua::{self, Command, Report};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use trunkline_core::model::Mono;

/// Manager sessions at once.
const SESSIONS_MAX: usize = 16;
/// A line of an action.
const LINE_BYTES_MAX: u64 = 16 * 1024;
const BANNER: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";
/// Between two tries to listen again after a drop.
const AGAIN: Duration = Duration::from_millis(50);

/// What its operator does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The manager's connections are cut and none is taken for so long. Calls go on.
    Drop(Duration),
    /// For the trunk's user agent.
    Trunk(Command),
}

/// What it tells its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// An agent has answered this inbound call.
    Talks {
        /// Call-ID on the trunk.
        call_id: String,
    },
    /// A manager has logged in.
    Linked,
    /// Something that should not happen, for a person.
    Trouble(String),
}

/// A running virtual PBX; it ends when this is dropped.
pub struct Server {
    /// Where its trunk is.
    pub sip: SocketAddr,
    /// Where its manager is.
    pub manager: SocketAddr,
    /// Takes orders.
    pub control: mpsc::Sender<Control>,
    /// Tells.
    pub notes: mpsc::UnboundedReceiver<Note>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Heard {
    Action(u64, Action),
    Gone(u64),
}

struct Session {
    out: mpsc::UnboundedSender<Vec<u8>>,
    /// It has logged in and gets events.
    in_step: bool,
}

struct Running {
    switch: Switch,
    user: (String, String),
    origin: Instant,
    sessions: BTreeMap<u64, Session>,
    trunk: mpsc::Sender<Command>,
    notes: mpsc::UnboundedSender<Note>,
}

/// Starts a virtual PBX on these addresses; port 0 takes free ones.
///
/// # Errors
/// If an address cannot be taken.
pub async fn serve(switch: Switch, sip: SocketAddr, at: SocketAddr) -> std::io::Result<Server> {
    let listener = TcpListener::bind(at).await?;
    let manager = listener.local_addr()?;
    // The switch decides what becomes of a call.
    let undecided = ua::Behaviour { progress: ua::Progress::None, ..ua::Behaviour::default() };
    let plans = vec![("*".to_owned(), undecided)];
    let trunk = ua::spawn(sip, switch.settings.seed ^ 0x50_42_58, plans).await?;
    let sip = trunk.addr;
    let (control, controls) = mpsc::channel(64);
    let (telling, notes) = mpsc::unbounded_channel();
    let user = (switch.settings.user.clone(), switch.settings.secret.clone());
    let sessions = BTreeMap::new();
    let origin = Instant::now();
    let (trunk, reports) = (trunk.orders, trunk.reports);
    let running = Running { switch, user, origin, sessions, trunk, notes: telling };
    let task = tokio::spawn(running.run(listener, reports, controls));
    Ok(Server { sip, manager, control, notes, task })
}

impl Running {
    async fn run(
        mut self,
        listener: TcpListener,
        mut reports: mpsc::UnboundedReceiver<Report>,
        mut controls: mpsc::Receiver<Control>,
    ) {
        let Ok(at) = listener.local_addr() else { return };
        let mut listener = Some(listener);
        let mut closed_until = Instant::now();
        let (heard, mut hears) = mpsc::channel(256);
        let mut count = 0;
        loop {
            let wait = self.wait(listener.is_none().then_some(closed_until));
            tokio::select! {
                accepted = accept(listener.as_ref()) => {
                    count += 1;
                    self.accepted(count, accepted, &heard);
                }
                Some(heard) = hears.recv() => self.heard(heard),
                report = reports.recv() => match report {
                    Some(report) => self.report(&report),
                    None => return,
                },
                control = controls.recv() => match control {
                    Some(Control::Drop(time)) => {
                        listener = None;
                        self.sessions.clear();
                        closed_until = Instant::now() + time;
                    }
                    Some(Control::Trunk(command)) => self.switch.out.sip.push(command),
                    None => return,
                },
                () = tokio::time::sleep(wait) => {}
            }
            if listener.is_none() && Instant::now() >= closed_until {
                listener = TcpListener::bind(at).await.ok();
                closed_until = Instant::now() + AGAIN;
            }
            let now = self.now();
            self.switch.tick(now);
            self.flush().await;
        }
    }

    fn now(&self) -> Mono {
        Mono::default().after(self.origin.elapsed())
    }

    fn wait(&self, opens: Option<Instant>) -> Duration {
        let due = self.switch.next_timer().map(|at| at.since(self.now()));
        let opens = opens.map(|at| at.saturating_duration_since(Instant::now()));
        due.into_iter().chain(opens).min().unwrap_or(Duration::from_secs(3600))
    }

    fn accepted(&mut self, id: u64, stream: TcpStream, heard: &mpsc::Sender<Heard>) {
        if self.sessions.len() >= SESSIONS_MAX {
            return;
        }
        let _ = stream.set_nodelay(true);
        let (input, mut output) = stream.into_split();
        let (out, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
        let _ = out.send(BANNER.to_vec());
        self.sessions.insert(id, Session { out, in_step: false });
        tokio::spawn(async move {
            while let Some(bytes) = outgoing.recv().await {
                if output.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let heard = heard.clone();
        tokio::spawn(async move {
            let mut input = BufReader::new(input);
            while let Some(action) = read(&mut input).await {
                if heard.send(Heard::Action(id, action)).await.is_err() {
                    return;
                }
            }
            let _ = heard.send(Heard::Gone(id)).await;
        });
    }

    fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Gone(id) => _ = self.sessions.remove(&id),
            Heard::Action(id, action) => {
                let answer = self.answer(id, &action);
                let at = since_1970();
                let text: String =
                    answer.iter().map(|b| b.encode(action.value("ActionID"), at)).collect();
                if let Some(session) = self.sessions.get(&id) {
                    let _ = session.out.send(text.into_bytes());
                }
            }
        }
    }

    fn answer(&mut self, id: u64, action: &Action) -> Vec<Block> {
        let Some(session) = self.sessions.get_mut(&id) else { return Vec::new() };
        match action.value("Action").to_ascii_lowercase().as_str() {
            // The secret never leaves this machine: the plain login is enough.
            "challenge" => vec![Block::error("Must specify AuthType")],
            "login" => {
                let given = (action.value("Username"), action.value("Secret"));
                if given != (self.user.0.as_str(), self.user.1.as_str()) {
                    return vec![Block::error("Authentication failed")];
                }
                session.in_step = true;
                let _ = self.notes.send(Note::Linked);
                let booted = Block::event("FullyBooted").with("Status", "Fully Booted");
                self.switch.tell(booted);
                vec![Block::success().with("Message", "Authentication accepted")]
            }
            _ if !session.in_step => vec![Block::error("Permission denied")],
            _ => {
                let now = self.now();
                self.switch.action(now, action)
            }
        }
    }

    fn report(&mut self, report: &Report) {
        if let Report::Trouble { text } = report {
            let _ = self.notes.send(Note::Trouble(text.clone()));
        }
        let now = self.now();
        self.switch.sip(now, report);
    }

    async fn flush(&mut self) {
        let out = self.switch.take();
        let at = since_1970();
        let text: String = out.events.iter().map(|event| event.encode("", at)).collect();
        if !text.is_empty() {
            for session in self.sessions.values().filter(|session| session.in_step) {
                let _ = session.out.send(text.clone().into_bytes());
            }
        }
        for command in out.sip {
            let _ = self.trunk.send(command).await;
        }
        for call_id in out.talks {
            let _ = self.notes.send(Note::Talks { call_id });
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    loop {
        match listener {
            None => std::future::pending::<()>().await,
            Some(listener) => match listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(AGAIN).await,
            },
        }
    }
}

/// The next action; `None` when the connection is over or sends what is none.
async fn read(input: &mut (impl AsyncBufRead + Unpin)) -> Option<Action> {
    let mut action = Action::default();
    loop {
        let mut line = Vec::new();
        let length = input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await.ok()?;
        if length == 0 || line.last() != Some(&b'\n') {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        match line.trim_end() {
            "" if action.is_empty() => {}
            "" => return Some(action),
            line => action.line(line),
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#![allow(dead_code)]
//! Replays a log of the shim up to any record and builds what a disk may hold after a power cut
//! there: data that no completed sync covers is dropped, torn or written out of order.
//!
//! Names are durable after a sync of their directory (or, for a new file, of the file itself),
//! which is stricter than ext4; content is durable after a sync of the file.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the shim into a directory.
pub fn build_shim(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/powercut/shim.c");
    let shim = dir.join("powercut.so");
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let made = Command::new(cc)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .arg(&source)
        .arg("-ldl")
        .status()
        .expect("a C compiler is needed for the power-cut tests");
    assert!(made.success());
    shim
}

/// One record of the log.
#[derive(Clone, Debug)]
struct Record {
    op: u8,
    path: String,
    other: String,
    offset: usize,
    length: usize,
    data: Vec<u8>,
}

/// What happens to data that no sync covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All of it is lost.
    Drop,
    /// Any 4 KiB pages of it survive.
    Pages,
    /// A prefix of the writes survives, the last one torn at 512 bytes.
    Prefix,
}

impl Policy {
    pub const ALL: [Self; 3] = [Self::Drop, Self::Pages, Self::Prefix];
}

/// A small generator: runs repeat.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if n == 0 { 0 } else { (self.0 >> 11) as usize % n }
    }
}

/// A recorded run.
pub struct Log {
    root: String,
    records: Vec<Record>,
}

impl Log {
    pub fn read(path: &Path, root: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while let Some((record, after)) = parse(rest) {
            records.push(record);
            rest = after;
        }
        Self { root: root.to_str().unwrap().to_owned(), records }
    }

    /// Names of files that were mapped writable: their changes are not in the log.
    pub fn mapped(&self) -> Vec<&str> {
        self.records.iter().filter(|r| r.op == b'Z').map(|r| r.path.as_str()).collect()
    }

    pub fn acks(&self) -> usize {
        self.records.iter().filter(|r| r.op == b'M').count()
    }

    /// Cut points: behind acknowledgements, around changes of names, anywhere.
    pub fn cuts(&self, count: usize, dice: &mut Dice) -> Vec<usize> {
        let of = |ops: &[u8]| -> Vec<usize> {
            let hit = |(_, r): &(usize, &Record)| ops.contains(&r.op);
            self.records.iter().enumerate().filter(hit).map(|(i, _)| i).collect()
        };
        let (acks, names) = (of(b"M"), of(b"RUC"));
        let mut cuts: Vec<usize> = (0..count)
            .map(|i| match i % 4 {
                0 | 1 if !acks.is_empty() => acks[dice.below(acks.len())] + 1,
                2 if !names.is_empty() => names[dice.below(names.len())] + dice.below(6),
                _ => dice.below(self.records.len()),
            })
            .map(|cut| cut.min(self.records.len()))
            .collect();
        cuts.sort_unstable();
        cuts
    }

    /// Runs through the log and calls `visit(cut, acknowledged, disk)` at every cut.
    pub fn replay(&self, cuts: &[usize], mut visit: impl FnMut(usize, u64, &Disk)) {
        let mut disk = Disk { root: self.root.clone(), ..Disk::default() };
        let mut acked = 0;
        let mut cuts = cuts.iter().copied().peekable();
        for (i, record) in self.records.iter().enumerate() {
            while cuts.next_if_eq(&i).is_some() {
                visit(i, acked, &disk);
            }
            if record.op == b'M' {
                let text = record.path.strip_prefix("ACK ").unwrap_or("0");
                acked = text.trim().parse().unwrap();
            } else {
                disk.step(i, record);
            }
        }
        for cut in cuts {
            visit(cut, acked, &disk);
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (head, rest) = bytes.split_at_checked(29)?;
    let u16_at = |i: usize| usize::from(u16::from_ne_bytes([head[i], head[i + 1]]));
    let u64_at = |i: usize| u64::from_ne_bytes(head[i..i + 8].try_into().unwrap()) as usize;
    let (path, rest) = rest.split_at_checked(u16_at(1))?;
    let (other, rest) = rest.split_at_checked(u16_at(3))?;
    let (data, rest) = rest.split_at_checked(u64_at(21))?;
    let record = Record {
        op: head[0],
        path: String::from_utf8(path.to_vec()).unwrap(),
        other: String::from_utf8(other.to_vec()).unwrap(),
        offset: u64_at(5),
        length: u64_at(13),
        data: data.to_vec(),
    };
    Some((record, rest))
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Grow(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                if content.len() < offset + data.len() {
                    content.resize(offset + data.len(), 0);
                }
                content[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::Truncate(len) => content.resize(*len, 0),
            Self::Grow(len) => content.resize(content.len().max(*len), 0),
        }
    }
}

#[derive(Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    pending: Vec<(usize, Change)>,
    syncs: VecDeque<usize>,
}

#[derive(Clone)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Unlink(String),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(path, inode) => {
                names.entry(path.clone()).or_insert(*inode);
            }
            Self::Rename(from, to) => {
                let inside = format!("{from}/");
                let moved: Vec<String> = names
                    .keys()
                    .filter(|p| *p == from || p.starts_with(&inside))
                    .cloned()
                    .collect();
                for path in moved {
                    if let Some(inode) = names.remove(&path) {
                        names.insert(format!("{to}{}", &path[from.len()..]), inode);
                    }
                }
            }
            Self::Unlink(path) => {
                names.remove(path);
            }
        }
    }

    fn touches(&self, synced: &str) -> bool {
        let parent = |path: &str| path.rsplit_once('/').is_some_and(|(dir, _)| dir == synced);
        match self {
            Self::Create(path, _) => path == synced || parent(path),
            Self::Rename(_, path) | Self::Unlink(path) => parent(path),
        }
    }
}

/// State of the disk and of what has not reached it.
#[derive(Clone, Default)]
pub struct Disk {
    root: String,
    inodes: Vec<Inode>,
    live: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending_names: Vec<(usize, NameChange)>,
    dir_syncs: HashMap<String, VecDeque<usize>>,
    dirs: Vec<String>,
}

impl Disk {
    fn step(&mut self, i: usize, r: &Record) {
        match r.op {
            b'C' => self.create(i, &r.path),
            b'D' => self.dirs.push(r.path.clone()),
            b'R' => self.rename(i, NameChange::Rename(r.path.clone(), r.other.clone())),
            b'U' => self.rename(i, NameChange::Unlink(r.path.clone())),
            b'W' => self.change(i, &r.path, Change::Write(r.offset, r.data.clone())),
            b'T' => self.change(i, &r.path, Change::Truncate(r.offset)),
            b'A' => self.change(i, &r.path, Change::Grow(r.offset + r.length)),
            b'b' => match self.live.get(&r.path) {
                Some(&inode) => self.inodes[inode].syncs.push_back(i),
                None => self.dir_syncs.entry(r.path.clone()).or_default().push_back(i),
            },
            b'S' => self.synced(i, &r.path),
            // sync_file_range promises nothing; mappings are reported, directories are kept.
            _ => {}
        }
    }

    fn create(&mut self, i: usize, path: &str) {
        if !self.live.contains_key(path) {
            self.inodes.push(Inode::default());
            self.rename(i, NameChange::Create(path.to_owned(), self.inodes.len() - 1));
        }
    }

    fn rename(&mut self, i: usize, change: NameChange) {
        change.apply(&mut self.live);
        self.pending_names.push((i, change));
    }

    fn change(&mut self, i: usize, path: &str, change: Change) {
        // A file that was unlinked while open is nobody's.
        if let Some(&inode) = self.live.get(path) {
            self.inodes[inode].pending.push((i, change));
        }
    }

    fn synced(&mut self, i: usize, path: &str) {
        let begun = match self.live.get(path) {
            Some(&inode) => {
                let inode = &mut self.inodes[inode];
                let begun = inode.syncs.pop_front().unwrap_or(i);
                for (_, change) in inode.pending.extract_if(.., |(at, _)| *at < begun) {
                    change.apply(&mut inode.durable);
                }
                begun
            }
            None => {
                let queue = self.dir_syncs.get_mut(path);
                queue.and_then(VecDeque::pop_front).unwrap_or(i)
            }
        };
        let durable = &mut self.durable;
        for (_, change) in
            self.pending_names.extract_if(.., |(at, c)| *at < begun && c.touches(path))
        {
            change.apply(durable);
        }
    }

    /// Writes one disk that this state allows below `to`.
    pub fn image(&self, policy: Policy, dice: &mut Dice, to: &Path) {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir_all(to).unwrap();
        for dir in &self.dirs {
            std::fs::create_dir_all(self.below(dir, to)).unwrap();
        }
        let mut names = self.durable.clone();
        let kept = match policy {
            Policy::Drop => 0,
            Policy::Pages | Policy::Prefix => dice.below(self.pending_names.len() + 1),
        };
        for (_, change) in &self.pending_names[..kept] {
            change.apply(&mut names);
        }
        for (path, inode) in &names {
            // Shared memory of SQLite does not outlive the machine.
            if path.ends_with("-shm") {
                continue;
            }
            let content = self.inodes[*inode].content(policy, dice);
            let path = self.below(path, to);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    fn below(&self, path: &str, to: &Path) -> PathBuf {
        to.join(path[self.root.len()..].trim_start_matches('/'))
    }
}

impl Inode {
    fn content(&self, policy: Policy, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        let cut = match policy {
            Policy::Drop => return content,
            Policy::Pages => self.pending.len(),
            Policy::Prefix => dice.below(self.pending.len() + 1),
        };
        for (n, (_, change)) in self.pending.iter().enumerate() {
            match (policy, change) {
                (Policy::Prefix, change) if n < cut => change.apply(&mut content),
                (Policy::Prefix, Change::Write(offset, data)) if n == cut => {
                    let torn = dice.below(data.len() / 512 + 1) * 512;
                    Change::Write(*offset, data[..torn].to_vec()).apply(&mut content);
                }
                (Policy::Pages, Change::Write(offset, data)) => {
                    for (start, page) in pages(*offset, data) {
                        if dice.below(2) == 0 {
                            Change::Write(start, page.to_vec()).apply(&mut content);
                        }
                    }
                }
                (Policy::Pages, change) if dice.below(2) == 0 => change.apply(&mut content),
                (Policy::Drop | Policy::Pages | Policy::Prefix, _) => {}
            }
        }
        content
    }
}

/// Cuts a write at the borders of 4 KiB pages.
fn pages(offset: usize, data: &[u8]) -> Vec<(usize, &[u8])> {
    let mut out = Vec::new();
    let mut start = 0;
    while start < data.len() {
        let end = data.len().min(((offset + start) / 4096 + 1) * 4096 - offset);
        out.push((offset + start, &data[start..end]));
        start = end;
    }
    out
}

//! Faults of the machine: small C libraries that a test puts between the process and the system.

use super::server::{Server, Site};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Compiles a file of `tests/` into `dir`.
pub fn build(source: &str, dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(source);
    let out = dir.join(source.file_stem().unwrap()).with_extension("so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&out)
        .arg(source)
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(built.unwrap().success());
    out
}

/// The wall clock of servers that start by it; durations are the machine's.
pub struct WallClock {
    library: PathBuf,
    path: PathBuf,
    file: std::fs::File,
    ahead_us: i64,
}

impl WallClock {
    /// Shows `instant` now, RFC 3339.
    pub fn at(site: &Site, instant: &str) -> Self {
        let path = site.path("clock-by");
        let file = std::fs::File::create(&path).unwrap();
        let library = build("sip/support/clock.c", site.dir());
        let mut clock = Self { library, path, file, ahead_us: 0 };
        clock.set(instant);
        clock
    }

    /// Sets it to `instant`.
    pub fn set(&mut self, instant: &str) {
        let wanted: jiff::Timestamp = instant.parse().unwrap();
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        self.ahead(wanted.as_microsecond() - i64::try_from(real).unwrap());
    }

    /// Sets it so much later, or earlier.
    pub fn step(&mut self, seconds: i64) {
        self.ahead(self.ahead_us + seconds * 1_000_000);
    }

    fn ahead(&mut self, us: i64) {
        self.ahead_us = us;
        self.file.write_all_at(&us.to_ne_bytes(), 0).unwrap();
    }

    /// A server that goes by it.
    pub fn serve(&self, site: &Site) -> Server {
        site.serve_with("", &[("LD_PRELOAD", &self.library), ("CLOCK_BY", &self.path)])
    }
}

//! `audit verify`, `audit key`, `audit rotate-key` and `audit export`.

use super::args::{AuditArgs, AuditCommand, ConfigArgs, ExportArgs};
use super::exit::{Exit, Failure};
use super::remote::store_or_server;
use crate::config::Config;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use trunkline_core::vault::unhex;

/// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 §4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

pub(super) fn run(args: AuditArgs) -> Result<(), Failure> {
    match args.command {
        AuditCommand::Verify { file } => verify(&file),
        AuditCommand::Key { pem, file } => key(pem, &file),
        AuditCommand::RotateKey { reason, file } => {
            let config = Config::load(&file.config)?;
            let request = json!({"cmd": "audit.rotate_key", "reason": reason});
            store_or_server(&config, &request, |done| {
                println!("signs from here on: {}", word(&done, "key"));
            })
        }
        AuditCommand::Export(args) => export(args),
    }
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn verify(file: &ConfigArgs) -> Result<(), Failure> {
    let config = Config::load(&file.config)?;
    store_or_server(&config, &json!({"cmd": "audit.verify"}), |report| {
        println!(
            "audit log ok: {} entries, {} of them under the head signed at {}",
            report["entries"],
            report["signed"],
            report["signed_at"].as_str().unwrap_or("?")
        );
        println!(
            "{} checkpoints, {} decisions as recorded, {} erased with their month",
            report["checkpoints"], report["decisions"], report["erased"]
        );
        for key in report["keys"].as_array().into_iter().flatten() {
            println!("key {} since entry {}", word(key, "key"), key["since"]);
        }
    })
}

fn key(as_pem: bool, file: &ConfigArgs) -> Result<(), Failure> {
    let config = Config::load(&file.config)?;
    let mut shown = Ok(());
    store_or_server(&config, &json!({"cmd": "audit.key"}), |done| {
        let key = word(&done, "key");
        match (as_pem, pem(key)) {
            (false, _) => println!("{key}"),
            (true, Ok(pem)) => print!("{pem}"),
            (true, Err(failure)) => shown = Err(failure),
        }
    })?;
    shown
}

fn pem(key: &str) -> Result<String, Failure> {
    let bytes: [u8; 32] = unhex(key).ok_or_else(|| bad_answer("a key"))?;
    let text = STANDARD.encode([SPKI.as_slice(), &bytes].concat());
    Ok(format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"))
}

fn bad_answer(what: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the server's answer holds no {what}"))
}

fn export(args: ExportArgs) -> Result<(), Failure> {
    let config = Config::load(&args.file.config)?;
    let failed = |path: &Path, e: std::io::Error| {
        Failure::new(Exit::Failure, format!("{}: {e}", path.display()))
    };
    let token = match &args.token_file {
        Some(path) => Some(std::fs::read_to_string(path).map_err(|e| failed(path, e))?),
        None => None,
    };
    let request = json!({
        "cmd": "audit.export", "from": args.from, "to": args.to, "clear": args.clear_numbers,
        "reason": args.reason, "token": token.as_deref().map(str::trim),
    });
    let out = args.out.as_path();
    std::fs::DirBuilder::new().mode(0o700).create(out).map_err(|e| failed(out, e))?;
    let made = write_export(&config, &request, out);
    if made.is_err() {
        // What is there is no export: nobody shall take it for one.
        let _ = std::fs::remove_dir_all(out);
    }
    let entries = made?;
    println!("{entries} entries in {}: see docs/audit.md for checking them", out.display());
    Ok(())
}

fn write_export(config: &Config, request: &Value, out: &Path) -> Result<u64, Failure> {
    let failed = |e: std::io::Error| Failure::new(Exit::Failure, format!("{}: {e}", out.display()));
    let mut lines = BufWriter::new(new_file(&out.join("entries.jsonl")).map_err(failed)?);
    let (mut end, mut written) = (Value::Null, Ok(()));
    store_or_server(config, request, |answer| match answer.get("line").and_then(Value::as_str) {
        Some(line) if written.is_ok() => written = lines.write_all(line.as_bytes()),
        Some(_) => {}
        None => end = answer,
    })?;
    written.and_then(|()| lines.into_inner()?.sync_all()).map_err(failed)?;
    let signature: [u8; 64] =
        unhex(word(&end, "signature")).ok_or_else(|| bad_answer("a signature"))?;
    let key = pem(word(&end, "key"))?;
    let parts: [(&str, &[u8]); 3] = [
        ("manifest.json", word(&end, "manifest").as_bytes()),
        ("manifest.sig", &signature),
        ("audit-key.pem", key.as_bytes()),
    ];
    for (name, bytes) in parts {
        let mut file = new_file(&out.join(name)).map_err(failed)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    end["entries"].as_u64().ok_or_else(|| bad_answer("count"))
}

fn new_file(path: &Path) -> std::io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

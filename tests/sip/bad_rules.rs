//! Rule files and calendars that cannot be used: at the start they are refused in words, at a
//! reload what was in force stays, and everybody is told.

#![allow(clippy::unwrap_used)]

use crate::api::{ask, token};
use crate::outbound::{reason_of, refused};
use crate::support::process::{poll_until, wait_for_exit};
use crate::support::{Site, SiteOptions, Tail, WORKDAY_MORNING};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::{Duration, Instant};

const CUSTOMER: &str = "13800138000";
const SERVICE: &str = "X-Trunkline-Purpose: service";

/// Closed from 9 to 12 by a ban of that name.
fn rules(ban: &str) -> String {
    format!(
        r#"schema = 1
[ruleset.own]
applies = {{ region = ["CN-mainland"], purpose = ["*"] }}
calendar = "CN"
zone = {{ source = "fixed:Asia/Shanghai" }}
purpose = {{ cite = "p" }}
dnc = {{ cite = "d" }}
hard_ban = [{{ id = "{ban}", spans = [["09:00", "12:00"]], cite = "h" }}]
window = [{{ classes = ["workday", "makeup"], spans = [["08:00", "13:00"]], cite = "w" }}]
calendar_gap = {{ provisional = "deny", unknown = "deny", guard_days = {{ before = 0, after = 0 }}, cite = "g" }}
"#
    )
}

fn options() -> SiteOptions {
    SiteOptions {
        gate_keys: "rulesets = [\"own\", \"cn-seed-service\"]\nfile = \"DIR/rules.toml\"\n\
                    files = [\"DIR/more.toml\"]",
        ..SiteOptions::default()
    }
}

fn site() -> Site {
    let site = Site::with(&options());
    std::fs::write(site.path("rules.toml"), rules("first")).unwrap();
    std::fs::write(site.path("more.toml"), "schema = 1\n").unwrap();
    site
}

/// What it says and how it exits, instead of serving.
pub(crate) fn fails_to_start(site: &Site) -> (Option<i32>, String) {
    let mut command = site.command(&["serve", "--clock", WORKDAY_MORNING, "--config"]);
    command.arg(site.config()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let ended = wait_for_exit(&mut child, Duration::from_secs(20));
    if ended.is_none() {
        child.kill().unwrap();
    }
    let told = child.wait_with_output().unwrap();
    assert!(ended.is_some(), "it serves: {told:?}");
    (ended.unwrap().code(), String::from_utf8_lossy(&told.stderr).into_owned())
}

/// How a file is broken: what is written instead, and the words that must be told.
struct Broken {
    name: &'static str,
    text: String,
    words: &'static [&'static str],
}

/// Contradictions, slips, and what is no rule file at all.
fn broken() -> Vec<Broken> {
    let change = |old: &str, new: &str| {
        let text = rules("bad").replacen(old, new, 1);
        assert_ne!(text, rules("bad"), "{old}");
        text
    };
    let row = |name, text, words| Broken { name, text, words };
    let another = rules("bad").replace("schema = 1\n", "").replace("ruleset.own", "ruleset.late");
    let another = another
        .replace("08:00\", \"13:00", "13:00\", \"18:00")
        .replace("= [\"*\"] }\ncal", "= [\"sales\"] }\ncal");
    vec![
        row(
            "a hard ban over the only window",
            change("[[\"09:00\", \"12:00\"]]", "[[\"07:00\", \"13:00\"]]"),
            &["rules.toml: ruleset.own", "no hour is open", "blackout"],
        ),
        row(
            "a class of days that nobody knows",
            change("\"workday\", \"makeup\"", "\"weekend\""),
            &["rules.toml: ", "line 9", "\"weekend\"", "workday, makeup, rest, holiday"],
        ),
        row(
            "spans that overlap",
            change("[[\"08:00\", \"13:00\"]]", "[[\"08:00\", \"10:00\"], [\"09:30\", \"18:00\"]]"),
            &["rules.toml: ruleset.own.window 1", "08:00-10:00 and 09:30-18:00 overlap"],
        ),
        row(
            "a set twice in a file",
            format!("{}{}", rules("bad"), rules("bad").replace("schema = 1\n", "")),
            &["rules.toml: ", "line 11", "own", "duplicate"],
        ),
        row(
            "two rules of one id",
            change(
                "cite = \"h\" }]",
                "cite = \"h\" }, { id = \"bad\", spans = [[\"13:00\", \"14:00\"]], cite = \"h\" }]",
            ),
            &["rules.toml: ruleset.own.hard_ban", "\"bad\" stands there twice"],
        ),
        row(
            "a window that no day reaches",
            change(
                "cite = \"w\" }]",
                "cite = \"w\" }, { classes = [\"rest\"], spans = [[\"09:30\", \"11:00\"]], cite = \"w\" }]",
            ),
            &["rules.toml: ruleset.own.window 2", "bans close it on all its days"],
        ),
        row(
            "a zone that is none",
            change("Asia/Shanghai", "Etc/Unknown"),
            &["rules.toml: ", "line 5", "Etc/Unknown", "fixed:Area/City"],
        ),
        row(
            "a calendar that is not there",
            change("\"CN\"", "\"XX\""),
            &["rules.toml: ruleset.own", "calendar = \"XX\"", "there are: AU, CA, CN"],
        ),
        row(
            "days in force that end before they begin",
            change(
                "calendar =",
                "effective = { from = \"2026-02-01\", until = \"2026-01-01\" }\ncalendar =",
            ),
            &["rules.toml: ruleset.own", "until lies before from"],
        ),
        row(
            "another schema",
            change("schema = 1", "schema = 2"),
            &["rules.toml: ", "only 1 is known"],
        ),
        row("nothing", String::new(), &["rules.toml: ", "schema"]),
        row(
            "a key that nobody knows",
            change("zone =", "zones ="),
            &["rules.toml: ", "line 5", "unknown field", "zones"],
        ),
        row(
            "two sets that never meet",
            format!("{}{another}", rules("bad")),
            &["rules.toml: ruleset.late and ruleset.own", "no hour in common"],
        ),
    ]
}

/// Every broken file keeps a server from starting, and names itself, the place and what is allowed.
#[test]
fn a_server_does_not_start_by_rules_that_contradict_themselves() {
    let more = "rulesets = [\"own\", \"late\", \"cn-seed-service\"]\nfile = \"DIR/rules.toml\"";
    for Broken { name, text, words } in broken() {
        let gate_keys = if text.contains("ruleset.late") { more } else { options().gate_keys };
        let site = Site::with(&SiteOptions { gate_keys, ..SiteOptions::default() });
        std::fs::write(site.path("rules.toml"), text).unwrap();
        std::fs::write(site.path("more.toml"), "schema = 1\n").unwrap();
        let (code, told) = fails_to_start(&site);
        assert_eq!(code, Some(3), "{name}: {told}");
        for word in words {
            assert!(told.contains(word), "{name}: no {word:?} in {told}");
        }
        let checked = site.try_run(&["check"]);
        assert_eq!(checked.status.code(), Some(3), "{name}");
        let checked = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(told.ends_with(&checked), "check says the same: {checked}");
    }
}

fn alarms(events: &[Value]) -> Vec<&str> {
    let alarm = events.iter().filter(|event| event["o"]["status"] == "partiallyDisabled");
    alarm.filter_map(|event| event["o"]["reason"].as_str()).collect()
}

fn metric_is(site: &Site, name: &str, value: f64) {
    let shown = || site.metric(name) == value;
    assert!(poll_until(Duration::from_secs(5), shown), "{name}: {}", site.metrics());
}

/// Reloads what cannot be used: the command fails with these words, and so does the event.
fn reload_fails(site: &Site, tail: &mut Tail, name: &str, words: &[&str]) {
    let failed = site.try_run(&["reload"]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{name}: {told}");
    tail.until(name, Duration::from_secs(5), |events| {
        let said = |reason: &&str| {
            let stays = reason.contains("new rules of the gate were refused")
                && reason.contains("stay in force");
            stays && words.iter().all(|word| reason.contains(word))
        };
        alarms(events).last().is_some_and(said)
    });
    for word in words {
        assert!(told.contains(word), "{name}: no {word:?} in {told}");
    }
}

/// The last good set stays through every broken file; then a good one comes into force.
#[test]
fn a_reload_of_broken_rules_keeps_the_last_good_set() {
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let service = token(&site, &["--subject", "crm", "--role", "service"]);
    let hash = || {
        let body = json!({"number": CUSTOMER, "purpose": "service"}).to_string();
        let (status, said) = ask(&site, "POST /v1/gate/explain", &service, "", &body);
        assert_eq!(status, 200, "{said}");
        said["ruleset_hash"].as_str().unwrap().to_owned()
    };
    let first = hash();
    for Broken { name, text, words } in broken() {
        if text.contains("ruleset.late") {
            continue; // not among those that are named to count
        }
        std::fs::write(site.path("rules.toml"), text).unwrap();
        reload_fails(&site, &mut tail, name, words);
    }
    let both = rules("second");
    std::fs::write(site.path("rules.toml"), &both).unwrap();
    std::fs::write(site.path("more.toml"), &both).unwrap();
    let named = ["more.toml: ruleset.own", "rules.toml has a set of that name"];
    reload_fails(&site, &mut tail, "two files with one set", &named);
    metric_is(&site, "trunkline_rules_refused", 1.0);
    assert_eq!(hash(), first, "what explain rests on");
    assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule first;"));

    std::fs::write(site.path("more.toml"), "schema = 1\n").unwrap();
    site.run(&["reload"]);
    metric_is(&site, "trunkline_rules_refused", 0.0);
    assert_ne!(hash(), first);
    assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule second;"));
    assert_eq!(server.stop(), Some(0));
}

/// Files that are no files, and a link that is swapped as a deployment does it.
#[test]
fn rule_files_that_cannot_be_read_are_named() {
    let site = site();
    let path = site.path("rules.toml");
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let again = || {
        let _ = std::fs::remove_file(&path);
        let _ = std::fs::remove_dir(&path);
    };
    again();
    reload_fails(&site, &mut tail, "deleted", &["rules.toml: ", "No such file"]);
    std::fs::create_dir(&path).unwrap();
    reload_fails(&site, &mut tail, "a directory", &["rules.toml: ", "no regular file"]);
    again();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    reload_fails(&site, &mut tail, "a pipe", &["rules.toml: ", "no regular file"]);
    again();
    std::fs::write(&path, [rules("bad").as_bytes(), b"# caf\xe9\n"].concat()).unwrap();
    reload_fails(&site, &mut tail, "no UTF-8", &["rules.toml: ", "line 11", "UTF-8"]);
    let large = std::fs::File::create(&path).unwrap();
    large.set_len(100 << 20).unwrap();
    let words = ["rules.toml: ", "104857600 bytes", "1048576 are allowed"];
    let started = Instant::now();
    reload_fails(&site, &mut tail, "100 MiB", &words);
    assert!(started.elapsed() < Duration::from_secs(10), "it is not read");
    assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule first;"));

    again();
    for version in ["second", "third"] {
        std::fs::write(site.path(version), rules(version)).unwrap();
    }
    symlink(site.path("second"), &path).unwrap();
    site.run(&["reload"]);
    assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule second;"));
    symlink(site.path("third"), site.path("next")).unwrap();
    std::fs::rename(site.path("next"), &path).unwrap();
    server.signal(Signal::SIGHUP);
    let third = || reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule third;");
    assert!(poll_until(Duration::from_secs(10), third));
    std::fs::remove_file(site.path("third")).unwrap();
    reload_fails(&site, &mut tail, "a link to nothing", &["rules.toml: ", "No such file"]);
    assert!(third());
    assert_eq!(server.stop(), Some(0));
    let (code, told) = fails_to_start(&site);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("rules.toml: ") && told.contains("No such file"), "{told}");
}

/// A calendar needs a source that an auditor can look up.
#[test]
fn a_calendar_without_a_source_is_refused() {
    let site = site();
    let folder = site.path("data/calendars");
    let year = |text: &str| {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("CN-2027.toml"), text).unwrap();
    };
    let bare = "schema = 1\ncalendar = \"CN\"\nyear = 2027\n[[break]]\nname = \"元旦\"\n\
                days = [\"2027-01-01\", \"2027-01-03\"]\nstatutory = [\"2027-01-01\"]\n";
    let notice = "[notice]\nnumber = \"n\"\ntitle = \"t\"\ndate = \"2026-11-20\"\nurl = \"\"\n";
    for (text, word) in [
        (bare.to_owned(), "one year with its [notice] is needed"),
        (bare.replace("[[break", &format!("{notice}[[break")), "url = \"\": https:// or http://"),
    ] {
        std::fs::write(site.path("new.toml"), text).unwrap();
        let people = ["--by", "ann", "--confirm-by", "bob"];
        let refused = site.try_run(&[&["calendar", "import", "new.toml"], &people[..]].concat());
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(3), "{told}");
        assert!(told.contains("new.toml: ") && told.contains(word), "{told}");
        assert!(!folder.exists(), "nothing was brought in");
    }
    // Who puts a file there by hand is told, too.
    year(bare);
    let (code, told) = fails_to_start(&site);
    assert_eq!(code, Some(3), "{told}");
    let unsigned = ["CN-2027.toml: ", "no [import]: bring it in with `trunkline calendar import`"];
    assert!(unsigned.iter().all(|word| told.contains(word)), "{told}");
    std::fs::remove_file(folder.join("CN-2027.toml")).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    year(bare);
    reload_fails(&site, &mut tail, "no source", &unsigned);
    year("schema = 1\n[[[");
    reload_fails(&site, &mut tail, "no TOML", &["CN-2027.toml: ", "line 2"]);
    std::fs::write(folder.join("CN-2027.toml"), b"\xff\xff\n").unwrap();
    reload_fails(&site, &mut tail, "no text", &["CN-2027.toml: ", "line 1", "UTF-8"]);
    metric_is(&site, "trunkline_rules_refused", 1.0);
    assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains("rule first;"));
    std::fs::remove_file(folder.join("CN-2027.toml")).unwrap();
    site.run(&["reload"]);
    metric_is(&site, "trunkline_rules_refused", 0.0);
    assert_eq!(server.stop(), Some(0));
}

/// Two people who reload at once, and SIGHUP in between: what is in force is one of the files, and
/// everybody who asks is told the same.
#[test]
fn reloads_that_race_end_with_what_is_in_the_file() {
    let site = site();
    let server = site.serve(WORKDAY_MORNING);
    let service = token(&site, &["--subject", "crm", "--role", "service"]);
    for round in 0..5 {
        let ban = format!("round-{round}");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| site.run(&["reload"]));
            }
            let text = rules(&ban);
            std::fs::write(site.path("new"), text).unwrap();
            std::fs::rename(site.path("new"), site.path("rules.toml")).unwrap();
            server.signal(Signal::SIGHUP);
            scope.spawn(|| site.run(&["reload"]));
        });
        site.run(&["reload"]);
        assert!(reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).contains(&ban));
        let body = json!({"number": CUSTOMER, "purpose": "service"}).to_string();
        let (_, said) = ask(&site, "POST /v1/gate/check", &service, "", &body);
        assert_eq!(said["refused_by"], json!([ban]), "{said}");
    }
    assert_eq!(server.stop(), Some(0));
}

/// The year that no notice covers: sales are closed, service keeps to what every kind of day
/// allows.
#[test]
fn a_year_without_a_calendar_closes_sales_and_narrows_service() {
    let gate_keys = "rulesets = [\"cn-insurance-sales\", \"cn-seed-service\"]";
    let site = Site::with(&SiteOptions { gate_keys, ..SiteOptions::default() });
    // A Monday in March: no statutory day is near.
    let server = site.serve("2028-03-13T10:00:00+08:00");
    let carrier = crate::support::Ua::bind(site.carrier(), site.carrier_side());
    let sales = refused(&site, CUSTOMER, Some("X-Trunkline-Purpose: sales"));
    assert!(reason_of(&sales).contains("rule calendar-gap;"), "{sales}");
    let pbx = crate::support::Ua::bind(site.net.pbx(), site.net.trunkline());
    let dialog = crate::support::Dialog::caller(&pbx, "1001", CUSTOMER, "service");
    let invite = dialog.invite().replace("Content-Length", &format!("{SERVICE}\r\nContent-Length"));
    pbx.send(&invite);
    carrier.expect("INVITE ");
    drop((carrier, pbx));
    assert_eq!(server.stop(), Some(0));
    // At 08:45 a workday is open and a rest day is not.
    let server = site.serve("2028-03-14T08:45:00+08:00");
    let early = refused(&site, CUSTOMER, Some(SERVICE));
    assert!(reason_of(&early).contains("next allowed 2028-03-14T09:00:00+08:00"), "{early}");
    assert_eq!(server.stop(), Some(0));
}

/// The tz database is inside the program: neither the machine's nor its TZ counts.
#[test]
fn no_tz_database_of_the_machine_is_needed() {
    let ask = |env: &[(&str, &str)]| {
        let args = ["gate", "explain", "+12125550123", "--purpose", "sales", "--ruleset"];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trunkline"));
        command.args(args).args(["us-federal", "--at", "2026-03-08T06:30:00Z", "--json"]);
        command.envs(env.iter().copied());
        let said = command.output().unwrap();
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice::<Value>(&said.stdout).unwrap()
    };
    let usual = ask(&[]);
    assert_eq!(usual["local_time"], "2026-03-08T01:30:00-05:00", "an hour before the gap");
    let nowhere = [("TZDIR", "/nonexistent"), ("TZ", "Mars/Olympus_Mons:bogus")];
    assert_eq!(ask(&nowhere), usual);
    assert_eq!(ask(&[("TZ", "Pacific/Apia")]), usual);
    let site = site();
    let env: Vec<_> =
        nowhere.iter().map(|(key, value)| (*key, std::path::Path::new(*value))).collect();
    let server = site.serve_with(WORKDAY_MORNING, &env);
    let refusal = refused(&site, CUSTOMER, Some(SERVICE));
    assert!(reason_of(&refusal).contains("next allowed 2026-11-23T12:00:00+08:00"), "{refusal}");
    assert_eq!(server.stop(), Some(0));
}

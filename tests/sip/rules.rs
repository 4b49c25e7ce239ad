//! Rule files that change under a running server.

use crate::api::{ask, token};
use crate::outbound::{closed_by, goes_out, reason_of, refused};
use crate::support::process::poll_until;
use crate::support::{Peers, Site, SiteOptions, WORKDAY_MORNING};
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;

const CUSTOMER: &str = "13800138000";
const SERVICE: &str = "X-Trunkline-Purpose: service";

/// Rules that are tried out over the server's own calls: with the server, and without it.
#[test]
fn stored_calls_tell_what_new_rules_would_have_stopped() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    goes_out(&site, CUSTOMER);
    refused(&site, CUSTOMER, None);
    tail.finished_calls(2);
    std::fs::write(site.path("tried.toml"), closed_by("tried")).unwrap();
    let ask = |more: &[&str]| {
        let rules = site.path("tried.toml");
        let args = ["gate", "dry-run", "--rules", rules.to_str().unwrap()];
        let span = ["--from", "2026-11-23T00:00:00+08:00", "--to", "2026-11-24T00:00:00+08:00"];
        let output = site.run(&[&args, &span, more].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let check = |found: &str| {
        let found: serde_json::Value = serde_json::from_str(found).unwrap();
        let count = |name: &str| found[name].as_u64().unwrap();
        assert_eq!((count("calls"), count("newly_denied"), count("denied")), (2, 1, 1), "{found}");
        assert_eq!(found["newly_denied_by"], serde_json::json!({"tried": 1}));
        assert_eq!(found["by_day"]["2026-11-23"]["newly_denied"], 1);
        assert_eq!(found["by_agent"]["1001"]["calls"], 2);
        assert!(!found.to_string().contains("138"), "no number in it: {found}");
    };
    check(&ask(&["--json"]));
    let text = ask(&[]);
    assert!(text.contains("\nnot known: overrides of then are not applied\n"), "{text}");
    assert!(text.contains("newly denied   1\n  tried                1\n"), "{text}");
    std::fs::write(site.path("tried.toml"), "schema = 9").unwrap();
    let rules_file = site.path("tried.toml");
    let since = "2026-11-23T00:00:00+08:00";
    let failed = site.try_run(&[
        "gate",
        "dry-run",
        "--rules",
        rules_file.to_str().unwrap(),
        "--from",
        since,
    ]);
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("tried.toml"), "{failed:?}");
    assert_eq!(server.stop(), Some(0));
    std::fs::write(site.path("tried.toml"), closed_by("tried")).unwrap();
    check(&ask(&["--json"]));
}

/// Stored calls are replayed with the site's own calendars, and claims as they stood.
#[test]
fn a_dry_run_knows_the_sites_calendars_and_claims() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    goes_out(&site, CUSTOMER);
    tail.finished_calls(1);
    let opt_in = closed_by("tried").replace("09:00", "22:00").replace("12:00", "23:00")
        + "[[ruleset.own.requires]]\nid = \"opt-in\"\nany = [\"consent\"]\ncite = \"test\"\n";
    std::fs::write(site.path("tried.toml"), opt_in).unwrap();
    let ask = || {
        let span = ["--from", "2026-11-23T00:00:00+08:00", "--to", "2026-11-24T00:00:00+08:00"];
        let args = ["gate", "dry-run", "--json", "--rules", "tried.toml"];
        let output = site.run(&[&args[..], &span].concat());
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let found = ask();
    assert_eq!(
        (&found["newly_denied"], &found["newly_denied_but_for_claims"]),
        (&1.into(), &1.into())
    );
    let given = ["--given-at", "2026-11-20T10:00:00+08:00", "--evidence", "form 7"];
    site.run(&[&["claim", "add", "consent", CUSTOMER][..], &given].concat());
    let found = ask();
    assert_eq!((&found["newly_denied"], &found["allowed"]), (&0.into(), &1.into()), "{found}");

    let text = include_str!("../../src/core/gate/tests/notices/2026.txt");
    let text = text.replace("5月9日（周六）", "5月10日（周日）");
    std::fs::write(site.path("2026.txt"), text).unwrap();
    let import = ["calendar", "import", "2026.txt", "--url", "https://www.gov.cn/x"];
    let before = found["calendars"]["CN"].clone();
    site.run(&[&import[..], &["--by", "a", "--confirm-by", "b"]].concat());
    let own = ask()["calendars"]["CN"].clone();
    assert_ne!(own, before, "the imported year counts");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(ask()["calendars"]["CN"], own, "and without a server");
}

/// New rules decide the next call; a bad file is told, raises an alarm and changes nothing; the
/// norm counts beside the site's own rules.
#[test]
fn rules_are_read_anew_and_bad_ones_change_nothing() {
    let site = Site::with(&SiteOptions {
        gate_keys: "rulesets = [\"own\", \"cn-seed-service\"]\nfile = \"rules.toml\"",
        ..SiteOptions::default()
    });
    std::fs::write(site.path("rules.toml"), closed_by("first")).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let rule = || reason_of(&refused(&site, CUSTOMER, Some(SERVICE))).to_owned();
    // Open again at noon by one set; the other one closes later.
    assert!(rule().contains("rule first; next allowed"), "{}", rule());
    assert!(rule().contains("T12:00:00+08:00"), "{}", rule());

    std::fs::write(site.path("rules.toml"), closed_by("second")).unwrap();
    site.run(&["reload"]);
    tail.until_kind("system.status", 1);
    assert!(rule().contains("rule second; next allowed"), "{}", rule());

    std::fs::write(site.path("rules.toml"), closed_by("third").replace("12:00", "25:00")).unwrap();
    let failed = site.try_run(&["reload"]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success(), "{told}");
    for word in ["rules.toml", "line 7", "25:00", "HH:MM"] {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
    server.signal(Signal::SIGHUP);
    tail.until("two alarms", Duration::from_secs(10), |events| {
        let alarm = |event: &&serde_json::Value| {
            event["o"]["status"] == "partiallyDisabled"
                && event["o"]["reason"].as_str().is_some_and(|reason| reason.contains("line 7"))
        };
        events.iter().filter(alarm).count() == 2
    });
    let logged = || server.log().contains("not reloaded");
    assert!(poll_until(Duration::from_secs(5), logged), "{}", server.log());
    assert!(rule().contains("rule second; next allowed"), "{}", rule());
}

/// Numbers that are never gated and regions that are paused are in force with the next call, for
/// whoever reads a number, and out of it with the file after that.
#[test]
fn whatever_rules_name_is_read_anew() {
    let site = Site::with(&SiteOptions {
        gate_keys: "rulesets = [\"own\", \"cn-seed-service\"]\nfile = \"rules.toml\"",
        ..SiteOptions::default()
    });
    let open = closed_by("early").replace("09:00\", \"12:00", "00:00\", \"08:00");
    let reload = |more: &str| {
        std::fs::write(site.path("rules.toml"), format!("{open}{more}")).unwrap();
        site.run(&["reload"]);
    };
    std::fs::write(site.path("rules.toml"), &open).unwrap();
    let server = site.serve(WORKDAY_MORNING);
    let service = token(&site, &["--subject", "crm", "--role", "service"]);
    let check = |number: &str| {
        let body = json!({"number": number, "purpose": "service"}).to_string();
        ask(&site, "POST /v1/gate/check", &service, "", &body).1
    };
    let answer =
        |number: &str| (check(number)["exempt"].clone(), check(number)["refused_by"].clone());
    let hotline = "95519";
    assert_eq!(answer(hotline), (json!(false), json!([])));

    reload("[always_allow]\nnumbers = [\"95519\"]\n");
    assert_eq!(answer(hotline), (json!(true), json!([])));
    let blocked = site.try_run(&["dnc", "add", hotline]);
    assert!(String::from_utf8_lossy(&blocked.stderr).contains("no outside number"), "{blocked:?}");
    let peers = Peers::of(&site);
    peers.emergency(hotline); // no purpose, no wait
    peers.emergency("120"); // those of the country stay
    drop(peers);

    let pause = "[[blackout]]\nid = \"flood\"\nregion = [\"CN-mainland\"]\n\
                 from = \"2026-11-23T00:00:00+08:00\"\nuntil = \"2026-11-24T00:00:00+08:00\"\n\
                 approved_by = [\"ann\", \"bob\"]\ncite = \"order\"\n";
    reload(pause);
    assert_eq!(answer(hotline), (json!(false), json!(["blackout"])));
    let refusal = refused(&site, CUSTOMER, Some(SERVICE));
    let next = "rule blackout; next allowed 2026-11-24T08:30:00+08:00";
    assert!(reason_of(&refusal).contains(next), "{refusal}");
    Peers::of(&site).emergency("110");

    reload("");
    assert_eq!(answer(CUSTOMER), (json!(false), json!([])));
    site.run(&["dnc", "add", hotline]);
    let by_both = json!(["dnc", "dnc"]);
    assert_eq!(answer(hotline), (json!(false), by_both), "each of the two sets says so");
    assert_eq!(server.stop(), Some(0));
}

/// An imported calendar is read on reload, too; one that somebody edited is refused by its name.
#[test]
fn calendars_are_read_anew_and_edited_ones_change_nothing() {
    let site = Site::new();
    let server = site.serve(WORKDAY_MORNING);
    let mut tail = site.tail(None);
    let text = include_str!("../../src/core/gate/tests/notices/2026.txt");
    let text = text.replace("5月9日（周六）", "5月10日（周日）");
    std::fs::write(site.path("2026.txt"), text).unwrap();
    let import = ["calendar", "import", "2026.txt", "--url", "https://www.gov.cn/x"];
    let people = ["--by", "a", "--confirm-by", "b"];
    let run = |args: &[&str]| String::from_utf8_lossy(&site.run(args).stdout).into_owned();
    let told = run(&[&import[..], &people].concat());
    let version = told.split("version ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    site.run(&["reload"]);
    let reason = |event: &serde_json::Value, word: &str| {
        event["o"]["reason"].as_str().is_some_and(|reason| reason.contains(word))
    };
    tail.until("read anew", Duration::from_secs(10), |events| {
        events.iter().any(|event| reason(event, "read anew"))
    });
    let at = "2026-05-10T17:10:00+08:00";
    let explained = run(&["gate", "explain", CUSTOMER, "--purpose", "service", "--at", at]);
    assert!(explained.contains(version) && explained.starts_with("ALLOW"), "{explained}");

    let kept =
        std::fs::read_dir(site.path("data/calendars")).unwrap().next().unwrap().unwrap().path();
    let edited = std::fs::read_to_string(&kept).unwrap().replace("2026-05-10", "2026-05-09");
    std::fs::write(&kept, edited).unwrap();
    let failed = site.try_run(&["reload"]);
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && told.contains("changed after its import"), "{told}");
    tail.until("an alarm", Duration::from_secs(10), |events| {
        let alarm = |event: &&serde_json::Value| {
            event["o"]["status"] == "partiallyDisabled" && reason(event, "changed after its import")
        };
        events.iter().any(|event| alarm(&event))
    });
    server.signal(Signal::SIGTERM);
}

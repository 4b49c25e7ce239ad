//! An ESL link: two connections, logged in by its password.

use crate::manager::listen;
use crate::site::{Linked, PASSWORD, wait_of};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const ESL: &str = "trunks = [\"sofia/trunk/*\"]\n[pbx.asterisk.esl]\naddress = \"PBX:8021\"\n\
                   password_file = \"pbx.password\"\n";
const LINK: &str = "asterisk/esl";

/// Asks for the password and answers as FreeSWITCH does; then says nothing more.
fn switch(stream: TcpStream) {
    let mut out = stream.try_clone().unwrap();
    out.write_all(b"Content-Type: auth/request\n\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(login) = lines.find(|line| !line.is_empty()) else { return };
    let answer = match login == format!("auth {PASSWORD}") {
        true => "+OK accepted",
        false => "-ERR invalid",
    };
    let _ = write!(out, "Content-Type: command/reply\nReply-Text: {answer}\n\n");
    std::thread::sleep(Duration::from_secs(30));
}

#[test]
fn a_wrong_password_is_refused_by_name() {
    let linked = Linked::new(ESL);
    linked.password("wrong");
    let listener = listen(linked.pbx(8021));
    let serve = move || {
        listener.incoming().take(2).map_while(Result::ok).for_each(|stream| {
            std::thread::spawn(move || switch(stream));
        })
    };
    std::thread::spawn(serve);
    let link = linked.serve().until(LINK, "refused", "");
    assert!(link["reason"].as_str().unwrap().contains("password"), "{link:#}");
    assert!(wait_of(&link) > 44.0);
}

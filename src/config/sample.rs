//! The file that the tests of this folder vary.

use super::Config;
use std::path::Path;

/// What every site needs; eleven lines.
pub(super) const COMMON: &str = r#"
[site]
data_dir = "data"
master_key = "master.key"
[sip]
listen = ["127.0.0.3:5060"]
[http]
listen = "127.0.0.1:8080"
token_key = "token.key"
[admin]
socket = "admin.sock"
"#;

/// The whole file, or the error as it is shown.
pub(super) fn read(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("t.toml"), text).map_err(|e| e.to_string())
}

/// Each text is refused with words that begin like this.
pub(super) fn all_refused(rows: impl IntoIterator<Item = (String, &'static str)>) {
    for (text, expected) in rows {
        let refused = read(&text).map(|_| ());
        let begins = refused.as_ref().is_err_and(|got| got.starts_with(expected));
        assert!(begins, "{text}\n  got: {refused:?}\n  expected: {expected}");
    }
}

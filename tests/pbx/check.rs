//! `trunkline check` reads what links need.

use crate::site::Linked;
use std::os::unix::fs::PermissionsExt as _;

const AMI: &str = "trunks = [\"PJSIP/carrier\"]\n[pbx.asterisk.ami]\naddress = \"PBX:5038\"\n\
                   user = \"trunkline\"\npassword_file = \"pbx.password\"\n";

#[test]
fn links_are_named_and_their_files_are_read() {
    let linked = Linked::new(AMI);
    let checked = linked.site.run(&["check"]).stdout;
    let checked = String::from_utf8(checked).unwrap();
    assert!(checked.contains("control link asterisk/ami"), "{checked}");
    let path = linked.site.path("pbx.password");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = linked.site.try_run(&["check"]);
    assert_eq!(refused.status.code(), Some(3));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("pbx.asterisk.ami.password_file"), "{said}");
    assert!(said.contains("a file of mode 0600: others can read it"), "{said}");
}

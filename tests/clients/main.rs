//! What the clients in `clients/` share with `proto/`: their types are generated from it.
//! `UPDATE_GOLDEN=1 cargo test --test clients` writes them anew.

#![allow(clippy::unwrap_used)]

#[path = "../support/proto.rs"]
mod proto;
mod python;
mod typescript;

use std::path::Path;

/// The file is what its generator makes of `proto/`.
fn same(path: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(generated.lines()).find(|(a, b)| a != b);
    assert!(
        committed == generated,
        "{}: not what proto/ says; first difference: {differs:?}",
        path.display()
    );
}

#[test]
fn the_types_of_the_typescript_client_are_those_of_the_proto_files() {
    same("clients/typescript/src/proto.gen.ts", &typescript::file(&proto::read()));
}

#[test]
fn the_types_of_the_python_client_are_those_of_the_proto_files() {
    same("clients/python/src/trunkline_client/proto.py", &python::file(&proto::read()));
}

#[test]
fn every_kind_of_event_has_its_entity() {
    let proto = proto::read();
    let entity = |prefix: &str| {
        proto.entities.iter().find(|(p, _)| p == prefix).map(|(_, name)| name.as_str())
    };
    assert_eq!((entity("call"), entity("outbound")), (Some("Call"), Some("Decision")));
    let kinds = <trunkline_core::model::EventKind as trunkline_core::model::Named>::TABLE;
    for (_, name) in kinds {
        let prefix = name.split('.').next().unwrap();
        assert!(entity(prefix).is_some(), "{name}: which entity comes with it?");
    }
}

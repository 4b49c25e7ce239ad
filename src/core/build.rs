//! Generates the wire types from `proto/`, the single source.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = ["events", "desk", "journal"].map(|f| format!("trunkline/v1/{f}.proto"));
    println!("cargo:rerun-if-changed={}", proto.display());
    let descriptors = protox::compile(files, [&proto])?;
    let bytes = prost::Message::encode_to_vec(&descriptors);
    prost_build::Config::new()
        .btree_map(["."])
        .extern_path(".google.protobuf.Timestamp", "crate::wire::Timestamp")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&bytes)?
        .preserve_proto_field_names()
        .ignore_unknown_fields()
        .btree_map(["."])
        .extern_path(".google.protobuf", "crate::wire")
        .build(&[".trunkline"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), bytes)?;
    Ok(())
}

//! The image of ship-proxy, and where its binary is found.

use std::fs;
use std::path::Path;

use serde_json::Value;
use ship::diagnostic::Hint;
use ship::local::proxy_binary::{ProxyBinaryError, find};
use ship::local::proxy_image::proxy_image;

use super::fake::{digest, unpacked};

/// As much of an ELF file as is looked at.
fn elf(machine: u16, dynamic: bool) -> Vec<u8> {
    let mut file = vec![0; 64 + 56];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    file[18..20].copy_from_slice(&machine.to_le_bytes());
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&1_u16.to_le_bytes());
    file[64] = if dynamic { 3 } else { 1 };
    file
}

const AMD64: u16 = 62;
const ARM64: u16 = 183;

#[test]
fn the_image_is_the_binary_and_nothing_else() {
    let binary = elf(AMD64, false);
    let image = proxy_image(&binary, "0.1.0", "linux/amd64").unwrap();
    assert_eq!(image.reference, format!("ship-proxy:0.1.0-{}", image.digest.short()));
    let files = unpacked(&image.archive);
    let docker: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!(docker[0]["RepoTags"][0], image.reference.as_str());
    let config = &files[docker[0]["Config"].as_str().unwrap()];
    assert_eq!(digest(config), image.digest);
    let config: Value = serde_json::from_slice(config).unwrap();
    assert_eq!(config["architecture"], "amd64");
    assert_eq!(config["config"]["Entrypoint"][0], "/ship-proxy");
    assert_eq!(config["config"]["Labels"]["ship.proxy.version"], "0.1.0");
    let layer = &files[docker[0]["Layers"][0].as_str().unwrap()];
    assert_eq!(config["rootfs"]["diff_ids"][0], digest(layer).as_str());

    let mut archive = tar::Archive::new(layer.as_slice());
    let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap().to_str(), Some("ship-proxy"));
    assert_eq!(entry.header().mode().unwrap(), 0o755);
    assert_eq!((entry.header().uid().unwrap(), entry.header().mtime().unwrap()), (0, 0));
    let attributes = entry.pax_extensions().unwrap().unwrap();
    let attributes: Vec<_> = attributes.map(|attribute| attribute.unwrap()).collect();
    assert_eq!(attributes.len(), 1);
    assert_eq!(attributes[0].key(), Ok("SCHILY.xattr.security.capability"));
    // What `setcap cap_net_bind_service+ep` writes.
    assert_eq!(attributes[0].value_bytes(), b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn the_same_binary_is_the_same_image() {
    let make = |binary: &[u8], platform: &str| proxy_image(binary, "0.1.0", platform).unwrap();
    let image = make(&elf(AMD64, false), "linux/amd64");
    assert_eq!(image, make(&elf(AMD64, false), "linux/amd64"));
    assert_ne!(image.reference, make(&elf(ARM64, false), "linux/arm64").reference);
}

#[test]
fn the_binary_for_the_host_is_beside_ship() {
    let directory = tempfile::tempdir().unwrap();
    let ship = directory.path().join("ship");
    let put = |name: &str, binary: Vec<u8>| fs::write(directory.path().join(name), binary).unwrap();
    let error = find(&ship, None, "linux/arm64").unwrap_err();
    assert_eq!(error.to_string(), "there is no ship-proxy for linux/arm64 beside ship");
    assert!(error.hints()[0].ends_with("/ship-proxy-arm64"), "{:?}", error.hints());

    put("ship-proxy", elf(AMD64, false));
    assert_eq!(find(&ship, None, "linux/amd64").unwrap(), elf(AMD64, false));
    let error = find(&ship, None, "linux/arm64").unwrap_err();
    assert!(error.to_string().ends_with("ship-proxy cannot run on linux/arm64: it is for amd64"), "{error}");
    assert!(error.hints()[0].contains("SHIP_PROXY_BINARY"));

    put("ship-proxy-aarch64", elf(ARM64, false));
    assert_eq!(find(&ship, None, "linux/arm64").unwrap(), elf(ARM64, false));
}

#[test]
fn a_named_binary_is_the_only_one_that_counts() {
    let directory = tempfile::tempdir().unwrap();
    let ship = directory.path().join("ship");
    let named = directory.path().join("mine");
    fs::write(directory.path().join("ship-proxy"), elf(AMD64, false)).unwrap();
    let look = |content: Option<Vec<u8>>| {
        if let Some(content) = content {
            fs::write(&named, content).unwrap();
        }
        find(&ship, Some(Path::new(&named)), "linux/amd64").map_err(|error| error.to_string())
    };
    assert!(matches!(find(&ship, Some(&named), "linux/amd64"), Err(ProxyBinaryError::Read { .. })));
    assert!(look(Some(b"#!/bin/sh\n".to_vec())).unwrap_err().ends_with("it is not a Linux program"));
    assert!(look(Some(elf(AMD64, true))).unwrap_err().ends_with("it is not statically linked"));
    assert!(look(Some(elf(ARM64, false))).unwrap_err().ends_with("it is for arm64"));
    assert_eq!(look(Some(elf(AMD64, false))), Ok(elf(AMD64, false)));
}

//! What is decided without an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::frames::{Entries, Frames, From, Lines, LogLines};
use super::ownership::{Owner, resolve};
use super::{listening, push, query, spec};
use crate::plan::action::ContainerSpec;
use crate::ports::Listening;
use crate::release::{Mount, MountSource, Secrets};

fn frame(kind: u8, text: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(text);
    frame
}

#[test]
fn frames_are_taken_apart_wherever_the_stream_is_cut() {
    let stream = [frame(1, b"out\x00\xff"), frame(2, b"err"), frame(1, b""), frame(1, b"more")].concat();
    for cut in 0..=stream.len() {
        let (mut frames, mut buffer) = (Frames::default(), BytesMut::new());
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        for part in [&stream[..cut], &stream[cut..]] {
            buffer.extend_from_slice(part);
            while let Some((from, piece)) = frames.decode(&mut buffer).unwrap() {
                match from {
                    From::Output => output.extend_from_slice(&piece),
                    From::Errors => errors.extend_from_slice(&piece),
                }
            }
        }
        assert_eq!((output.as_slice(), errors.as_slice()), (&b"out\x00\xffmore"[..], &b"err"[..]), "cut at {cut}");
    }
    assert!(Frames::default().decode(&mut BytesMut::from(&b"plain text, no frame"[..])).is_err());
}

#[test]
fn log_entries_become_lines() {
    let at = "2026-11-21T03:44:18.638169592Z";
    let stream = [
        frame(1, format!("{at} first\r\n").as_bytes()),
        frame(1, format!("{at} long ").as_bytes()),
        frame(2, format!("{at} error\n").as_bytes()),
        frame(1, format!("{at} line\n").as_bytes()),
        frame(1, format!("{at} \n").as_bytes()),
        frame(1, format!("{at} unfinished").as_bytes()),
    ]
    .concat();
    let (mut entries, mut lines) = (Entries, LogLines::default());
    let mut buffer = BytesMut::from(stream.as_slice());
    let mut told = Vec::new();
    while let Some((from, entry)) = entries.decode(&mut buffer).unwrap() {
        told.extend(lines.push(from, &entry));
    }
    told.extend(lines.finish());
    let texts: Vec<_> = told.iter().map(|line| (line.errors, std::str::from_utf8(&line.text).unwrap())).collect();
    assert_eq!(texts, [(false, "first"), (true, "error"), (false, "long line"), (false, ""), (false, "unfinished")]);
    assert!(told.iter().all(|line| line.at == at));
}

#[test]
fn lines_are_put_together_from_pieces() {
    let (mut lines, mut told) = (Lines::default(), Vec::new());
    let mut tell = |line: &str| told.push(line.to_owned());
    lines.push(From::Output, b"one\ntw", &mut tell);
    lines.push(From::Errors, b"error\n", &mut tell);
    lines.push(From::Output, b"o\r\n\nlast", &mut tell);
    lines.finish(&mut tell);
    assert_eq!(told, ["one", "error", "two", "", "last"]);
}

#[test]
fn sockets_that_listen_are_found_with_their_reach() {
    let tables = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 2 1
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 3 1
   3: 0B00007F:9527 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1
   4: 020012AC:C350 030012AC:1538 01 00000000:00000000 00:00000000 00000000  1000        0 5 1
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000001000000:2328 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF00000100007F:2329 00000000000000000000000000000000:0000 0A 00000000:00000000
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000
";
    let here = |port, loopback_only| Listening { loopback_only, port };
    let expected = [here(80, false), here(3000, true), here(8080, false), here(9000, true), here(9001, true)];
    assert_eq!(listening::parse(tables), expected);
    assert_eq!(listening::parse("cat: /proc/1/net/tcp: No such file or directory\n"), []);
}

#[test]
fn users_are_found_as_the_engine_finds_them() {
    let users = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n";
    let groups = "root:x:0:\nstaff:x:50:app\n";
    let found = |user: &str| resolve(user, users, groups).map(|Owner { uid, gid }| (uid, gid)).ok();
    assert_eq!(found("app"), Some((1000, 1001)));
    assert_eq!(found("app:staff"), Some((1000, 50)));
    assert_eq!(found("1000"), Some((1000, 1001)));
    assert_eq!(found("7000"), Some((7000, 0)));
    assert_eq!(found("7000:7001"), Some((7000, 7001)));
    assert_eq!(found("nobody"), None);
    assert_eq!(found("app:nobody"), None);
}

fn web() -> ContainerSpec {
    ContainerSpec {
        name: "blog-production-web-r42-1".to_owned(),
        scope: crate::name::Scope { app: "blog".parse().unwrap(), environment: "production".parse().unwrap() },
        role: "web".parse().unwrap(),
        release: "r42".parse().unwrap(),
        replica: 1,
        image: "blog-production:r42".to_owned(),
        command: None,
        env: BTreeMap::from([("A".to_owned(), "1".to_owned()), ("KEY".to_owned(), "plain".to_owned())]),
        secret_names: vec!["KEY".to_owned()],
        mounts: vec![
            Mount {
                source: MountSource::Volume("storage".parse().unwrap()),
                target: "/srv/storage".to_owned(),
                read_only: false,
            },
            Mount {
                source: MountSource::Directory("/etc/blog".to_owned()),
                target: "/config".to_owned(),
                read_only: true,
            },
        ],
        network: "blog-production".to_owned(),
        memory: Some(512 << 20),
        millicpus: Some(1500),
        stop_signal: None,
        stop_timeout: Duration::from_millis(10_500),
        user: None,
    }
}

#[test]
fn a_specification_becomes_what_the_engine_takes() {
    let mut secrets = Secrets::new();
    secrets.insert("KEY".to_owned(), "two\nlines \"quoted\" 'so'".to_owned());
    secrets.insert("OTHER".to_owned(), "not for this role".to_owned());
    let body = spec::create_body(&web(), &secrets, "json-file").unwrap();
    assert_eq!(body.env.unwrap(), ["A=1", "KEY=two\nlines \"quoted\" 'so'"]);
    assert_eq!(body.stop_timeout, Some(11));
    let host = body.host_config.unwrap();
    assert_eq!(host.binds.unwrap(), ["blog-production-storage:/srv/storage", "/etc/blog:/config:ro"]);
    assert_eq!(
        (host.memory, host.memory_swap, host.nano_cpus),
        (Some(512 << 20), Some(512 << 20), Some(1_500_000_000))
    );
    assert_eq!(host.port_bindings, None);
    assert_eq!(host.log_config.unwrap().config.unwrap()["max-size"], "10m");
    let found = spec::labels(&body.labels.unwrap()).unwrap();
    assert_eq!((found.release.to_string(), found.role.as_str(), found.replica), ("r42".to_owned(), "web", 1));
    assert!(spec::create_body(&web(), &Secrets::new(), "json-file").is_err());
    assert_eq!(spec::create_body(&web(), &secrets, "journald").unwrap().host_config.unwrap().log_config, None);
}

#[test]
fn a_container_tells_what_it_was_made_from() {
    let digest = |spec: &ContainerSpec, secret: &str| {
        let mut secrets = Secrets::new();
        secrets.insert("KEY".to_owned(), secret.to_owned());
        spec::create_body(spec, &secrets, "local").unwrap().labels.unwrap()[spec::SPEC].clone()
    };
    let first = digest(&web(), "s");
    assert_eq!(first, digest(&web(), "s"));
    assert_ne!(first, digest(&web(), "another"));
    let mut other = web();
    other.env.insert("A".to_owned(), "2".to_owned());
    assert_ne!(first, digest(&other, "s"));
}

#[test]
fn a_container_that_runs_once_is_no_replica() {
    let mut secrets = Secrets::new();
    secrets.insert("KEY".to_owned(), String::new());
    let mut labels = spec::create_body(&web(), &secrets, "local").unwrap().labels.unwrap();
    assert!(spec::labels(&labels).is_some());
    labels.insert(spec::ONCE.to_owned(), "release".to_owned());
    assert!(spec::labels(&labels).is_none());
}

#[test]
fn errors_inside_a_good_answer_are_heard() {
    let loaded = b"{\"stream\":\"Loaded image: blog-production:r42\\n\"}\r\n";
    assert!(push::verdict(loaded).is_ok());
    assert!(push::verdict(b"").is_ok());
    let full = b"{\"stream\":\"x\"}\r\n{\"errorDetail\":{\"message\":\"m\"},\"error\":\"write /x: no space left on device\"}\r\n";
    let error = push::verdict(full).unwrap_err().doing("send it");
    assert_eq!(error.kind, crate::ports::PortErrorKind::DiskFull);
    assert!(!error.hints.is_empty());
    let unpacked = b"{\"stream\":\"Loaded image: a\\nError unpacking image a: apply layer error\"}\n";
    assert!(push::verdict(unpacked).is_err());
}

#[test]
fn values_of_a_query_are_escaped() {
    assert_eq!(query("2026-11-21T03:44:18+01:00"), "2026-11-21T03%3A44%3A18%2B01%3A00");
}

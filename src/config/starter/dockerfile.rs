//! What a Dockerfile says about its image, without building it: the ports and volumes of its last stage, and of the
//! stages that this one begins from.

use std::collections::BTreeMap;

/// What matters of the last stage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dockerfile {
    /// TCP ports of EXPOSE in their order.
    pub(super) ports: Vec<u16>,
    /// Paths of VOLUME.
    pub(super) volumes: Vec<String>,
}

#[derive(Default)]
struct Stage {
    name: String,
    from: String,
    says: Dockerfile,
}

/// Reads it line by line; what it does not understand it passes over.
pub(super) fn read(text: &str) -> Dockerfile {
    let mut stages: Vec<Stage> = Vec::new();
    let mut defaults = BTreeMap::new();
    for line in logical_lines(text) {
        let Some((instruction, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        match instruction.to_ascii_uppercase().as_str() {
            "FROM" => stages.push(stage(rest)),
            "ARG" | "ENV" => defaults.extend(rest.split_whitespace().filter_map(default)),
            "EXPOSE" => {
                let ports = rest.split_whitespace().filter_map(|port| number(port, &defaults));
                stages.last_mut().into_iter().for_each(|stage| stage.says.ports.extend(ports.clone()));
            }
            "VOLUME" => stages.last_mut().into_iter().for_each(|stage| stage.says.volumes.extend(paths(rest))),
            _ => {}
        }
    }
    inherited(stages)
}

/// `PORT=3000`, as ARG and ENV have it.
fn default(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('"').to_owned()))
}

/// A TCP port, written out or as a variable with a default.
fn number(port: &str, defaults: &BTreeMap<String, String>) -> Option<u16> {
    let port = port.trim_end_matches("/tcp");
    let name = port.strip_prefix('$').map(|name| name.trim_start_matches('{').trim_end_matches('}'));
    match name {
        Some(name) => defaults.get(name)?.parse().ok(),
        None => port.parse().ok(),
    }
}

/// Lines without comments, with those that end in a backslash put together.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        match line.trim_end().strip_suffix('\\') {
            Some(part) => open.extend([part, " "]),
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    lines.push(open);
    lines
}

fn stage(rest: &str) -> Stage {
    let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
    let from = words.next().unwrap_or_default().to_owned();
    let name = words.nth(1).unwrap_or_default().to_ascii_lowercase();
    Stage { name, from, says: Dockerfile::default() }
}

/// Both forms: `VOLUME /a /b` and `VOLUME ["/a", "/b"]`. What holds a variable is not known here.
fn paths(rest: &str) -> Vec<String> {
    let listed = serde_json::from_str::<Vec<String>>(rest).ok();
    let words = || rest.split_whitespace().map(str::to_owned).collect();
    let mut paths = listed.unwrap_or_else(words);
    paths.retain(|path| path.starts_with('/') && path.len() > 1 && !path.contains(['$', ':']));
    paths.iter().map(|path| path.trim_end_matches('/').to_owned()).collect()
}

/// The last stage, with what it takes over from the stages below it.
fn inherited(mut stages: Vec<Stage>) -> Dockerfile {
    let Some(Stage { mut from, mut says, .. }) = stages.pop() else { return Dockerfile::default() };
    while let Some(at) =
        stages.iter().rposition(|stage| !stage.name.is_empty() && stage.name.eq_ignore_ascii_case(&from))
    {
        stages.truncate(at + 1);
        let Some(below) = stages.pop() else { break };
        says.ports.splice(0..0, below.says.ports);
        says.volumes.splice(0..0, below.says.volumes);
        from = below.from;
    }
    says.ports.dedup();
    says
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_counts_with_what_it_inherits() {
        let text = "# syntax=docker/dockerfile:1\nARG V=3\nfrom --platform=linux/amd64 ruby:$V AS base\nVOLUME /data/\n\
                    FROM base AS build\nEXPOSE 9999\nFROM Base\nEXPOSE 3000/tcp \\\n  # a comment\n  8125/udp 3001 $PORT\n\
                    VOLUME [\"/a b\", \"/c\"]\nVOLUME $HOME/x relative\n";
        let volumes = ["/data", "/a b", "/c"].map(str::to_owned).to_vec();
        assert_eq!(read(text), Dockerfile { ports: vec![3000, 3001], volumes });
        assert_eq!(read("EXPOSE 80"), Dockerfile::default());
        assert_eq!(read(""), Dockerfile::default());
        assert_eq!(
            read("ARG PORT=3000\nFROM scratch\nENV ADMIN=\"3001\"\nEXPOSE ${PORT} $ADMIN $NO").ports,
            [3000, 3001]
        );
    }
}

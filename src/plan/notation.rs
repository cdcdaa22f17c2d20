//! A plan as plain text: the same plan always gives the same words, without colour and without a secret's value, so
//! that what `ship plan` prints can be compared, kept and tested. `ui/plan_view.rs` adds the colour.

use std::fmt::Write as _;
use std::time::Duration;

use super::action::{Action, ContainerSpec, Switch};
use super::{Goal, Plan, Stage, Wave};
use crate::name::{HostName, ReleaseNumber};
use crate::release::ledger::Event;
use crate::release::{Health, Image, MountSource, Release};

/// A line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the line is for.
    pub kind: Kind,
    /// The line without its end, indented.
    pub text: String,
}

/// What a line of a plan is for; colour follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What the plan brings about.
    Title,
    /// What changes against what is: `web-1: r42 → r43`.
    Change,
    /// When and on which hosts the actions below it are done.
    Heading,
    /// An action.
    Action,
    /// An action that cannot be taken back.
    Final,
    /// More about the line above it.
    Detail,
}

/// What `ship plan` prints: plain, stable text that ends with a newline.
pub fn text(plan: &Plan) -> String {
    lines(plan).into_iter().fold(String::new(), |mut text, line| {
        text.push_str(&line.text);
        text.push('\n');
        text
    })
}

/// The same, line by line with the meaning of each.
pub fn lines(plan: &Plan) -> Vec<Line> {
    let mut lines = vec![line(Kind::Title, title(plan))];
    lines.extend(origin(plan));
    lines.extend(changes(plan));
    let waves: Vec<_> = plan.waves.iter().filter(|wave| has_actions(wave)).collect();
    if waves.is_empty() && !has_actions(&plan.settle) {
        lines.push(line(Kind::Heading, "nothing to do".to_owned()));
    }
    for (index, wave) in waves.iter().enumerate() {
        let when = match waves.len() {
            1 => String::new(),
            count => format!("wave {} of {count}, ", index + 1),
        };
        lines.extend(wave_lines(plan, wave, &when));
    }
    let when = match plan.goal.release() {
        Some(number) => format!("then, when {number} serves everywhere, "),
        None => "then ".to_owned(),
    };
    lines.extend(wave_lines(plan, &plan.settle, &when));
    lines
}

fn line(kind: Kind, text: String) -> Line {
    Line { kind, text }
}

fn has_actions(wave: &Wave) -> bool {
    wave.hosts.values().flatten().any(|stage| !stage.0.is_empty())
}

fn title(plan: &Plan) -> String {
    let (app, environment) = (&plan.scope.app, &plan.scope.environment);
    match plan.goal {
        Goal::Deploy(number) => format!("deploy {number} of {app} to {environment}"),
        Goal::Rollback(number) => format!("roll {app} in {environment} back to {number}"),
        Goal::Remove => format!("remove {app} from {environment}"),
    }
}

/// Where the new release comes from, if the plan makes one.
fn origin(plan: &Plan) -> Option<Line> {
    let release = plan.actions().find_map(|(_, action)| match action {
        Action::Announce(release) => Some(release),
        _ => None,
    })?;
    let source = &release.source;
    let commit = source.commit.as_deref()?;
    let mut text = format!("  {}", commit.get(..7).unwrap_or(commit));
    if let Some(subject) = &source.subject {
        let _ = write!(text, " {subject}");
    }
    let dirty = source.dirty.then(|| "with uncommitted changes".to_owned());
    let marks: Vec<_> = source.branch.clone().into_iter().chain(dirty).collect();
    if !marks.is_empty() {
        let _ = write!(text, " ({})", marks.join(", "));
    }
    Some(line(Kind::Detail, text))
}

/// One line for all hosts that come from the same release.
fn changes(plan: &Plan) -> Vec<Line> {
    let mut groups: Vec<(Option<ReleaseNumber>, Vec<&HostName>)> = Vec::new();
    for (host, before) in &plan.before {
        match groups.iter_mut().find(|(known, _)| known == before) {
            Some((_, hosts)) => hosts.push(host),
            None => groups.push((*before, vec![host])),
        }
    }
    let name = |number: Option<ReleaseNumber>| number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
    let after = plan.goal.release();
    let change = |(before, hosts): &(Option<ReleaseNumber>, Vec<&HostName>)| {
        let what = match (*before, after) {
            (before, after) if before == after => format!("{} stays", name(before)),
            (before, after) => format!("{} → {}", name(before), name(after)),
        };
        line(Kind::Change, format!("  {}: {what}", join(hosts)))
    };
    groups.iter().map(change).collect()
}

/// The hosts of a wave; those with the same lines stand together.
fn wave_lines(plan: &Plan, wave: &Wave, when: &str) -> Vec<Line> {
    let mut groups: Vec<(Vec<&HostName>, Vec<Line>)> = Vec::new();
    for (host, stages) in &wave.hosts {
        let before = plan.before.get(host).copied().flatten();
        let lines = stage_lines(stages, before);
        if lines.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            Some((hosts, _)) => hosts.push(host),
            None => groups.push((vec![host], lines)),
        }
    }
    let mut all = Vec::new();
    for (hosts, lines) in groups {
        all.push(line(Kind::Heading, String::new()));
        all.push(line(Kind::Heading, format!("{when}on {}:", join(&hosts))));
        all.extend(lines);
    }
    all
}

/// Stages are numbered; the actions of a stage are done at the same time and share its number.
fn stage_lines(stages: &[Stage], before: Option<ReleaseNumber>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (index, stage) in stages.iter().filter(|stage| !stage.0.is_empty()).enumerate() {
        let mut mark = format!("{:>3}. ", index + 1);
        for action in &stage.0 {
            lines.push(line(kind(action), format!("{mark}{}", words_after(action, before))));
            lines.extend(details(action).into_iter().map(|text| line(Kind::Detail, format!("       {text}"))));
            "     ".clone_into(&mut mark);
        }
    }
    lines
}

fn kind(action: &Action) -> Kind {
    match action {
        Action::RunOnce(_)
        | Action::RemoveContainers { .. }
        | Action::RemoveImage { .. }
        | Action::RemoveNetwork { .. }
        | Action::RemoveVolume { .. }
        | Action::RemoveRoute
        | Action::Forget { .. } => Kind::Final,
        _ => Kind::Action,
    }
}

/// What a person must know of an action beyond its words.
fn details(action: &Action) -> Vec<String> {
    match action {
        Action::Announce(release) => announce_details(release),
        Action::RunOnce(_) => vec!["what it does cannot be undone".to_owned()],
        Action::Create { containers, new_volumes } => {
            let mut shown: Vec<String> = Vec::new();
            for spec in containers {
                let text = container_details(spec, new_volumes);
                if !text.is_empty() && !shown.contains(&text) {
                    shown.push(text);
                }
            }
            shown
        }
        _ => Vec::new(),
    }
}

fn announce_details(release: &Release) -> Vec<String> {
    let list = |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    let secrets = release.secret_names.iter().map(String::as_str).collect();
    let env = release.spec.env.keys().map(String::as_str).collect();
    list("secrets", secrets).into_iter().chain(list("env", env)).collect()
}

fn container_details(spec: &ContainerSpec, new_volumes: &[String]) -> String {
    let mut parts = Vec::new();
    if let Some(command) = &spec.command {
        parts.push(command_line(command));
    }
    if let Some(memory) = spec.memory {
        parts.push(format!("at most {} of memory", memory_words(memory)));
    }
    if let Some(millicpus) = spec.millicpus {
        parts.push(format!("at most {} CPUs", f64::from(millicpus) / 1000.0));
    }
    for mount in &spec.mounts {
        let from = match &mount.source {
            MountSource::Volume(name) => format!("volume {name}"),
            MountSource::Directory(path) => path.clone(),
        };
        let new = if new_volumes.contains(&mount.target) { ", new" } else { "" };
        let read_only = if mount.read_only { ", read-only" } else { "" };
        parts.push(format!("{from} at {}{new}{read_only}", mount.target));
    }
    if parts.is_empty() { String::new() } else { format!("{}: {}", spec.role, parts.join("; ")) }
}

fn memory_words(bytes: u64) -> String {
    const MEBI: u64 = 1 << 20;
    match bytes % MEBI {
        0 => format!("{} MiB", bytes / MEBI),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// An action in a few words, in those of the field.
pub fn words(action: &Action) -> String {
    words_after(action, None)
}

/// The same, where it is known which release the host served before.
pub fn words_after(action: &Action, before: Option<ReleaseNumber>) -> String {
    match action {
        Action::Announce(release) => format!("write the record of {}", release.number),
        Action::Record(events) => {
            let all: Vec<_> = events.iter().map(|(release, event)| event_words(*release, event)).collect();
            format!("record {}", all.join(", "))
        }
        Action::EnsureNetwork { name } => format!("make sure of network {name}"),
        Action::EnsureVolume { name } => format!("make sure of volume {name}"),
        Action::Push { image, .. } => push_words(image),
        Action::RunOnce(spec) => match &spec.command {
            Some(command) => format!("run once: {}", command_line(command)),
            None => format!("run {} once", spec.name),
        },
        Action::Create { containers, .. } => {
            let all: Vec<_> = containers.iter().map(|spec| spec.name.as_str()).collect();
            format!("create {}", names(&all))
        }
        Action::Start { containers } => format!("start {}", owned(containers)),
        Action::AwaitUp { containers, health } => await_words(containers, health),
        Action::Switch(switch) => switch_words(switch),
        Action::Confirm { drain } => match before {
            Some(before) => format!("keep the traffic there and drain {before} (at most {})", span(*drain)),
            None => "keep the traffic there".to_owned(),
        },
        Action::KeepRunning { containers } => format!("let {} survive a reboot", owned(containers)),
        Action::Stop { containers } => format!("stop and keep {}", owned(containers)),
        Action::RemoveContainers { containers } => format!("remove {}", owned(containers)),
        Action::RemoveImage { reference } => format!("remove image {reference}"),
        Action::Forget { release } => format!("remove record and secrets of {release}"),
        Action::Revert => match before {
            Some(before) => format!("move traffic back to {before}"),
            None => "move traffic back".to_owned(),
        },
        Action::ForgetApp => "remove ledger, records and secrets of the app".to_owned(),
        Action::RemoveRoute => "remove the route".to_owned(),
        Action::RemoveNetwork { name } => format!("remove network {name}"),
        Action::RemoveVolume { name } => format!("remove volume {name} with all its data"),
    }
}

fn event_words(release: ReleaseNumber, event: &Event) -> String {
    match event {
        Event::Planned { .. } => format!("{release} as planned"),
        Event::RollingBack { .. } => format!("that {release} is being put back"),
        Event::Staged => format!("{release} as staged"),
        Event::Healthy => format!("{release} as healthy"),
        Event::Live => format!("{release} as live"),
        Event::Superseded { by } => format!("{release} as retired, superseded by {by}"),
        Event::Failed { why } => format!("{release} as failed: {why}"),
        Event::Pruned => format!("{release} as pruned"),
    }
}

fn push_words(image: &Image) -> String {
    format!("push image {}", image.reference)
}

fn await_words(containers: &[String], health: &Health) -> String {
    let who = owned(containers);
    match health {
        Health::StaysUp { span: long } => format!("wait until {who} has stayed up for {}", span(*long)),
        Health::Command { command, deadline, .. } => {
            format!("wait until `{}` exits with 0 in {who} (at most {})", command_line(command), span(*deadline))
        }
        Health::Http { path, deadline, .. } => {
            format!("wait until {who} answers at {path} (at most {})", span(*deadline))
        }
    }
}

fn switch_words(switch: &Switch) -> String {
    let count = switch.containers.len();
    let plural = if count == 1 { "" } else { "s" };
    let check = match &switch.health {
        Health::Http { path, deadline, .. } => {
            format!("on port {} at {path} (at most {})", switch.port, span(*deadline))
        }
        Health::Command { command, .. } => format!("with `{}`", command_line(command)),
        Health::StaysUp { span: long } => format!("for {}", span(*long)),
    };
    let role = &switch.routes.role;
    format!("check {count} container{plural} of {role} {check}, then move traffic to {}", switch.release)
}

/// What is gone for good when the plan is done, to be asked about before: data that no deploy brings back.
pub fn lost(plan: &Plan) -> Vec<String> {
    let volume = |(host, action): (&HostName, &Action)| match action {
        Action::RemoveVolume { name } => Some(format!("volume {name} on {host}, with all its data")),
        _ => None,
    };
    plan.actions().filter_map(volume).collect()
}

fn owned(all: &[String]) -> String {
    names(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Container names, shortened as a shell would expand them: `blog-production-web-r43-{1,2}`.
pub fn names(all: &[&str]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in all {
        let (stem, tail) = name.rsplit_once('-').unwrap_or(("", name));
        match groups.last_mut() {
            Some((known, tails)) if *known == stem && !stem.is_empty() => tails.push(tail),
            _ => groups.push((stem, vec![tail])),
        }
    }
    let group = |(stem, tails): &(&str, Vec<&str>)| match (stem.is_empty(), tails.as_slice()) {
        (true, tails) => tails.join(", "),
        (false, [tail]) => format!("{stem}-{tail}"),
        (false, tails) => match run(tails) {
            Some((first, last)) => format!("{stem}-{{{first}..{last}}}"),
            None => format!("{stem}-{{{}}}", tails.join(",")),
        },
    };
    groups.iter().map(group).collect::<Vec<_>>().join(", ")
}

/// First and last of three or more numbers that follow each other.
fn run(tails: &[&str]) -> Option<(u32, u32)> {
    let numbers: Vec<u32> = tails.iter().map(|tail| tail.parse().ok()).collect::<Option<_>>()?;
    let follows = numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    match (numbers.as_slice(), follows) {
        ([first, _, .., last], true) if numbers.len() > 2 => Some((*first, *last)),
        _ => None,
    }
}

fn join(hosts: &[&HostName]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}

/// A command as a person would type it. Only shown, never run.
fn command_line(command: &[String]) -> String {
    let bare = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    let is_bare = |word: &String| !word.is_empty() && word.chars().all(bare);
    let quote = |word| if is_bare(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    command.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// A span of time as people write it in a plan: `250 ms`, `30 s`, `5 min`, `1 min 30 s`.
pub fn span(span: Duration) -> String {
    let (seconds, millis) = (span.as_secs(), span.subsec_millis());
    match (seconds / 60, seconds % 60, millis) {
        (0, 0, millis) => format!("{millis} ms"),
        (0, seconds, 0) => format!("{seconds} s"),
        (0, seconds, millis) => format!("{seconds}.{} s", millis / 100),
        (minutes, 0, _) => format!("{minutes} min"),
        (minutes, seconds, _) => format!("{minutes} min {seconds} s"),
    }
}

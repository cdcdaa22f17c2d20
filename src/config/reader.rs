//! Walks the TOML tree by hand instead of through serde, because serde stops at the first thing that is wrong, and a
//! person wants to know all of it at once. A [`Table`] knows which keys it may have and complains of others when it is
//! opened; a key's value is read by an element parser, whose complaint gets its place and path here.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;

/// What is wrong, without knowing where: what an element parser answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The usual one: what was expected, and what kind of value stands there.
    pub(super) fn expected(what: &str, found: &Value<'_>) -> Self {
        Self::new(format!("expected {what}, found {}", found.kind()))
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// A complaint with its place and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) span: Option<Range<usize>>,
    pub(super) key: String,
    pub(super) complaint: Complaint,
}

/// Collects what is wrong while reading goes on.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<Found>>);

impl Problems {
    pub(super) fn note(&self, span: Option<Range<usize>>, key: String, complaint: Complaint) {
        let found = Found { span, key, complaint };
        let mut all = self.0.borrow_mut();
        if !all.contains(&found) {
            all.push(found);
        }
    }

    pub(super) fn into_found(self) -> Vec<Found> {
        self.0.into_inner()
    }
}

/// Where a value stands in the file's tree, as written and as [`keys`] calls it.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyPath {
    written: String,
    pattern: String,
}

impl KeyPath {
    fn child(&self, key: &str) -> Self {
        let pattern = keys::child(&self.pattern, key).unwrap_or_else(|| join(&self.pattern, key));
        Self { written: join(&self.written, &bare_or_quoted(key)), pattern }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") }
}

/// A key as TOML wants it written.
pub(super) fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if bare { key.to_owned() } else { quoted(key) }
}

/// A text as a TOML string. JSON's escapes are a part of TOML's; TOML alone also forbids a bare DEL.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

/// Texts as a TOML array of strings.
pub(super) fn quoted_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    format!("[{}]", texts.into_iter().map(quoted).collect::<Vec<_>>().join(", "))
}

/// The candidate that is most like what was written, if one is near enough to be a slip: one or two keys hit wrongly,
/// or a common beginning.
pub(super) fn near_miss<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = written.to_lowercase();
    let slips = if lower.len() < 6 { 1 } else { 2 };
    let is_near = |likeness: f64, candidate: &str| likeness > 0.85 || strsim::osa_distance(&lower, candidate) <= slips;
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(&lower, candidate), candidate));
    let near = scored.filter(|(likeness, candidate)| is_near(*likeness, candidate));
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, candidate)| candidate)
}

/// "did you mean `web`?", or else what there is.
pub(super) fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str> + Clone) -> Option<String> {
    if let Some(candidate) = near_miss(written, candidates.clone()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let known: Vec<&str> = candidates.into_iter().collect();
    (!known.is_empty()).then(|| format!("there is {}", known.join(", ")))
}

/// A value with its place.
#[derive(Clone)]
pub(super) struct Value<'a> {
    pub(super) path: KeyPath,
    pub(super) key: String,
    pub(super) span: Range<usize>,
    pub(super) key_span: Range<usize>,
    pub(super) node: &'a DeValue<'a>,
    problems: &'a Problems,
}

impl<'a> Value<'a> {
    /// The text of a string.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.node {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// The elements of an array.
    pub(super) fn items(&self) -> Option<Vec<Value<'a>>> {
        let DeValue::Array(array) = self.node else { return None };
        let item = |node: &'a Spanned<DeValue<'a>>| Value {
            path: self.path.clone(),
            key: self.key.clone(),
            span: node.span(),
            key_span: self.key_span.clone(),
            node: node.get_ref(),
            problems: self.problems,
        };
        Some(array.iter().map(item).collect())
    }

    /// The table that it is; its keys are checked now.
    pub(super) fn table(&self) -> Option<Table<'a>> {
        let DeValue::Table(entries) = self.node else { return None };
        let table = Table { path: self.path.clone(), span: self.span.clone(), entries, problems: self.problems };
        table.complain_of_unknown_keys();
        Some(table)
    }

    /// The table that it must be.
    pub(super) fn expect_table(&self) -> Option<Table<'a>> {
        let table = self.table();
        if table.is_none() {
            let hint = format!("write [{}] on a line of its own, and its keys below", self.path);
            self.complain(Complaint::expected("a table", self).hint(hint));
        }
        table
    }

    /// Has an element parser read it, and complains in its name.
    pub(super) fn read<T>(&self, element: impl FnOnce(&Value<'a>) -> Result<T, Complaint>) -> Option<T> {
        element(self).map_err(|complaint| self.complain(complaint)).ok()
    }

    pub(super) fn complain(&self, complaint: Complaint) {
        self.problems.note(Some(self.span.clone()), self.path.to_string(), complaint);
    }

    /// Complains of the key rather than of its value.
    pub(super) fn complain_of_key(&self, complaint: Complaint) {
        self.problems.note(Some(self.key_span.clone()), self.path.to_string(), complaint);
    }

    /// What kind of value it is, as a user says it.
    pub(super) fn kind(&self) -> &'static str {
        match self.node {
            DeValue::String(text) if text.is_empty() => "an empty string",
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(true) => "true",
            DeValue::Boolean(false) => "false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    /// A number or a boolean as it would be written between quotes: what was meant by `PORT = 3000`.
    pub(super) fn as_text(&self) -> Option<String> {
        match self.node {
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            DeValue::Datetime(date) => Some(date.to_string()),
            DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }
}

/// A table with its place.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) path: KeyPath,
    span: Range<usize>,
    entries: &'a DeTable<'a>,
    problems: &'a Problems,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(entries: &'a DeTable<'a>, problems: &'a Problems) -> Self {
        let table = Self { path: KeyPath::default(), span: 0..0, entries, problems };
        table.complain_of_unknown_keys();
        table
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.entries.get_key_value(key).map(|(name, node)| self.value(name, node))
    }

    /// All values, in the order of the keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let table = self.clone();
        self.entries.iter().map(move |(name, node)| table.value(name, node))
    }

    /// The value of a key, if it is there and right.
    pub(super) fn read<T>(&self, key: &str, element: impl FnOnce(&Value<'a>) -> Result<T, Complaint>) -> Option<T> {
        self.get(key)?.read(element)
    }

    /// The table under a key, if it is there and a table.
    pub(super) fn table(&self, key: &str) -> Option<Table<'a>> {
        self.get(key)?.expect_table()
    }

    /// Complains of the table as a whole, or of what it lacks.
    pub(super) fn complain(&self, complaint: Complaint) {
        let span = (!self.span.is_empty()).then(|| self.span.clone());
        self.problems.note(span, self.path.to_string(), complaint);
    }

    /// Complains of a key that is not there.
    pub(super) fn missing(&self, key: &str, complaint: Complaint) {
        let span = (!self.span.is_empty()).then(|| self.span.clone());
        self.problems.note(span, self.path.child(key).to_string(), complaint);
    }

    fn value(&self, name: &Spanned<std::borrow::Cow<'a, str>>, node: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        let key = name.get_ref().as_ref();
        Value {
            path: self.path.child(key),
            key: key.to_owned(),
            span: node.span(),
            key_span: name.span(),
            node: node.get_ref(),
            problems: self.problems,
        }
    }

    fn complain_of_unknown_keys(&self) {
        for value in self.entries() {
            if keys::child(&self.path.pattern, &value.key).is_none() {
                let hint = keys::advice(&self.path.pattern, &value.key);
                value.complain_of_key(Complaint::new("there is no such key").hint(hint));
            }
        }
    }
}

//! The name under which ship-proxy knows an app: `blog-production`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{LONGEST, Scope};

/// One app in one environment, as ship-proxy knows it. It does not take the name apart, so `a-b` of environment `c`
/// and `a` of environment `b-c` are one service; ship refuses the second one by its containers' labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceName(String);

/// Why a text does not name a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a service: expected an app and an environment with a hyphen between them, like blog-production")]
pub struct ServiceNameError(String);

impl ServiceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Scope> for ServiceName {
    fn from(scope: &Scope) -> Self {
        Self(scope.to_string())
    }
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;
    fn from_str(text: &str) -> Result<Self, ServiceNameError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let hyphens_fit = !text.starts_with('-') && !text.ends_with('-') && !text.contains("--");
        let length_fits = (1..=2 * LONGEST + 1).contains(&text.len());
        if length_fits && hyphens_fit && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ServiceNameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for ServiceName {
    type Error = ServiceNameError;
    fn try_from(text: String) -> Result<Self, ServiceNameError> {
        text.parse()
    }
}

impl From<ServiceName> for String {
    fn from(name: ServiceName) -> String {
        name.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

//! Names that are checked once, where they enter, and are total afterwards: an [`AppName`] in hand needs no second
//! look before it becomes part of a path, a label or a command line.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name that ship accepts, in bytes. A container's name is built from an app, an environment, a role, a
/// release and a replica, and as a host name it may have at most 63 bytes in a label (RFC 1035, section 2.3.4).
pub const LONGEST: usize = 40;

/// Why a text is not a name, a release number or a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// What was being named, as a user says it: "app", "role".
        what: &'static str,
    },
    /// The text is longer than [`LONGEST`] bytes.
    #[error("{what} `{text}` is longer than {LONGEST} characters")]
    TooLong {
        /// What was being named.
        what: &'static str,
        /// The text as it was given.
        text: String,
    },
    /// The text has a character that the name may not have, or begins or ends with a hyphen.
    #[error("{what} `{text}` may have only a-z, 0-9 and single hyphens between them")]
    Form {
        /// What was being named.
        what: &'static str,
        /// The text as it was given.
        text: String,
    },
    /// The text has a hyphen, and this name may have none.
    #[error("{what} `{text}` may have only a-z and 0-9, no hyphen")]
    Hyphen {
        /// What was being named.
        what: &'static str,
        /// The text as it was given.
        text: String,
    },
    /// The text is not of the form `r42`.
    #[error("`{text}` is not a release: releases are called r1, r2, …")]
    Release {
        /// The text as it was given.
        text: String,
    },
    /// The text is not of the form `sha256:` and 64 hexadecimal digits.
    #[error("`{text}` is not a digest: expected sha256: and 64 hexadecimal digits")]
    Digest {
        /// The text as it was given.
        text: String,
    },
}

/// Lower-case letters, digits and inner hyphens: what Docker, DNS and a file system all take as it stands.
fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > LONGEST {
        return Err(NameError::TooLong { what, text: text.to_owned() });
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let hyphens_fit = !text.starts_with('-') && !text.ends_with('-') && !text.contains("--");
    if text.chars().all(allowed) && hyphens_fit { Ok(()) } else { Err(NameError::Form { what, text: text.to_owned() }) }
}

/// Without hyphens: `blog-staging` in `eu` and `blog` in `staging-eu` would be one scope on a host.
fn check_environment(what: &'static str, text: &str) -> Result<(), NameError> {
    check(what, text)?;
    if text.contains('-') { Err(NameError::Hyphen { what, text: text.to_owned() }) } else { Ok(()) }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        name!($(#[$doc])* $type, $what, check);
    };
    ($(#[$doc:meta])* $type:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                $check($what, text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// What a `ship.toml` deploys; its name prefixes everything on a host.
    AppName, "app"
);
name!(
    /// A named variant of the configuration: `production`, `staging`.
    EnvironmentName, "environment", check_environment
);
name!(
    /// What `ship.toml` calls a server; not its address.
    HostName, "host"
);
name!(
    /// A kind of process of the app: `web`, `worker`.
    RoleName, "role"
);
name!(
    /// A volume as `ship.toml` calls it; on the host it is prefixed with app and environment.
    VolumeName, "volume"
);

/// One app in one environment: what a ledger, a lease, a network and a set of routes belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The app.
    pub app: AppName,
    /// Its environment.
    pub environment: EnvironmentName,
}

impl fmt::Display for Scope {
    /// `blog-production`: the prefix of everything that the app has on a host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.app, self.environment)
    }
}

/// The number of a release, shown as `r42`. The first one is `r1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseNumber(u32);

impl ReleaseNumber {
    /// The first release of an app.
    pub const FIRST: Self = Self(1);

    /// The release that follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("r{}", self.0))
    }
}

impl FromStr for ReleaseNumber {
    type Err = NameError;
    /// Takes `r42` and, as people type it, `42`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix('r').unwrap_or(text);
        match digits.parse::<u32>() {
            Ok(number) if number > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(number)),
            _ => Err(NameError::Release { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for ReleaseNumber {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ReleaseNumber> for String {
    fn from(number: ReleaseNumber) -> String {
        number.to_string()
    }
}

/// A SHA-256 digest in the form of the OCI image specification: `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// The digest with its algorithm, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hexadecimal digits without the algorithm.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }

    /// Twelve hexadecimal digits, as Docker shows identifiers.
    pub fn short(&self) -> &str {
        self.hex().get(..12).unwrap_or(&self.0)
    }
}

impl FromStr for Digest {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Digest { text: text.to_owned() })
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

//! What the environment tells the app, misbehaviour included.

use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Every variable that the app knows, read once.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `APP_VERSION`: what `/version` answers; the image sets it.
    pub(crate) version: String,
    /// `APP_PORT`, 3000 unless set.
    pub(crate) port: u16,
    /// `APP_BIND`: the address to listen on, `0.0.0.0` unless set; `127.0.0.1` hides the app from its host.
    pub(crate) bind: IpAddr,
    /// `APP_VOLUME`: where the volume is mounted, `/data` unless set.
    pub(crate) volume: PathBuf,
    /// `APP_START_MS`: how long to wait before listening.
    pub(crate) start: Duration,
    /// `APP_UP_STATUS`: what `/up` answers, 200 unless set.
    pub(crate) up_status: u16,
    /// `APP_EXIT`: end at once with this code.
    pub(crate) exit: Option<u8>,
    /// `APP_LEAK_MB`: memory that is lost each second.
    pub(crate) leak_mb: usize,
    /// `APP_IGNORE_TERM=1`: only SIGKILL ends the app.
    pub(crate) ignore_term: bool,
    /// `APP_IDLE_MS`: when an idle keep-alive connection is closed, after 5 s unless set.
    pub(crate) idle: Duration,
}

impl Settings {
    pub(crate) fn from_environment() -> io::Result<Self> {
        Ok(Self {
            version: text("APP_VERSION")?.unwrap_or_else(|| "unknown".to_owned()),
            port: number("APP_PORT", 3000)?,
            bind: number("APP_BIND", IpAddr::from([0, 0, 0, 0]))?,
            volume: std::env::var_os("APP_VOLUME").map_or_else(|| PathBuf::from("/data"), PathBuf::from),
            start: Duration::from_millis(number("APP_START_MS", 0)?),
            up_status: number("APP_UP_STATUS", 200)?,
            exit: text("APP_EXIT")?.map(|code| parse("APP_EXIT", &code)).transpose()?,
            leak_mb: number("APP_LEAK_MB", 0)?,
            ignore_term: number("APP_IGNORE_TERM", 0_u8)? == 1,
            idle: Duration::from_millis(number("APP_IDLE_MS", 5000)?),
        })
    }
}

fn number<T: FromStr>(name: &str, default: T) -> io::Result<T> {
    text(name)?.map_or(Ok(default), |value| parse(name, &value))
}

fn parse<T: FromStr>(name: &str, value: &str) -> io::Result<T> {
    value.parse().map_err(|_| io::Error::other(format!("{name}={value} cannot be used")))
}

/// A variable that is set and not empty.
fn text(name: &str) -> io::Result<Option<String>> {
    match std::env::var_os(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
        Some(Err(value)) => {
            let bytes = value.into_vec();
            Err(io::Error::other(format!("{name} is not text: {}", bytes.escape_ascii())))
        }
    }
}

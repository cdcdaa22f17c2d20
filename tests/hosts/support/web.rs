//! Single requests, through curl: an HTTP client that is not ours.

use std::process::Command;

use super::text;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status; 0 if there was no answer.
    pub(crate) status: u16,
    /// The body, or why there is no answer.
    pub(crate) body: String,
}

impl Answer {
    /// The body if the status is 200, else both.
    pub(crate) fn in_words(&self) -> String {
        match self.status {
            200 => self.body.clone(),
            0 => format!("no answer: {}", self.body),
            status => format!("{status}: {}", self.body),
        }
    }
}

/// GET with headers.
pub(crate) fn get(address: &str, path: &str, headers: &[&str]) -> Answer {
    ask(address, path, headers, &[])
}

/// PUT with a body.
pub(crate) fn put(address: &str, path: &str, body: &str) -> Answer {
    ask(address, path, &[], &["--request", "PUT", "--data-binary", body])
}

fn ask(address: &str, path: &str, headers: &[&str], options: &[&str]) -> Answer {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}"]).args(options);
    for header in headers {
        curl.args(["--header", header]);
    }
    let output = curl.arg(format!("http://{address}{path}")).output().unwrap();
    if !output.status.success() {
        return Answer { status: 0, body: text(&output.stderr) };
    }
    let all = text(&output.stdout);
    let (body, status) = all.rsplit_once('\n').unwrap();
    Answer { status: status.parse().unwrap(), body: body.to_owned() }
}

//! A host key's fingerprint as `ssh-keygen -l` prints it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::text;
use crate::config::reader::{Complaint, Value};

/// `SHA256:` and 43 characters of base64.
pub(crate) fn fingerprint(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::word(value)?;
    let hash = written.strip_prefix("SHA256:").and_then(|hash| STANDARD_NO_PAD.decode(hash).ok());
    if hash.is_some_and(|hash| hash.len() == 32) {
        return Ok(written);
    }
    Err(Complaint::new(format!("`{written}` is not a fingerprint: expected SHA256: and 43 characters"))
        .hint("on the server: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))
}

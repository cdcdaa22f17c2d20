//! A key file behind a passphrase, unlocked when a server has said that it would take the key.

use std::path::Path;
use std::sync::Arc;

use russh::SendError;
use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::{self, HashAlg, PrivateKey};

use super::super::access::Access;
use super::super::patience::Patience;

/// How often a wrong passphrase may be tried, as `ssh` does.
const TRIES: u32 = 3;

/// Signs with an encrypted key.
pub(super) struct FileSigner<'a> {
    pub(super) access: &'a Access,
    pub(super) patience: &'a Patience,
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSigned {
    /// The connection is gone.
    #[error("the connection ended")]
    Gone,
    /// Nobody gave the passphrase.
    #[error("its passphrase was not given")]
    NoPassphrase,
    /// All that was given was wrong.
    #[error("the passphrase was wrong")]
    WrongPassphrase,
    /// The key cannot sign.
    #[error("it cannot sign")]
    Broken,
}

impl From<SendError> for NotSigned {
    fn from(_: SendError) -> Self {
        Self::Gone
    }
}

impl Signer for FileSigner<'_> {
    type Error = NotSigned;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, NotSigned> {
        let key = self.unlock().await?;
        let signature = match (key.key_data().rsa(), hash) {
            (Some(rsa), Some(hash)) => (rsa, Some(hash)).try_sign(&to_sign),
            _ => key.try_sign(&to_sign),
        };
        let signature = signature.map_err(|_| NotSigned::Broken)?;
        let mut bytes = Vec::new();
        signature.encode(&mut bytes).map_err(|_| NotSigned::Broken)?;
        // The answer is what was to be signed with the signature behind it.
        bytes.encode(&mut to_sign).map_err(|_| NotSigned::Broken)?;
        Ok(to_sign)
    }
}

impl FileSigner<'_> {
    async fn unlock(&self) -> Result<Arc<PrivateKey>, NotSigned> {
        let _person = self.patience.person();
        let _one_at_a_time = self.access.unlocking.lock().await;
        if let Some(key) = self.access.unlocked(self.path) {
            return Ok(key);
        }
        for again in 0..TRIES {
            let asked = self.access.questions.passphrase(self.path, again).await;
            let passphrase = asked.ok_or(NotSigned::NoPassphrase)?;
            let text = self.text.to_owned();
            // Deriving the key is slow on purpose.
            let decoding = tokio::task::spawn_blocking(move || keys::decode_secret_key(&text, Some(&passphrase)));
            if let Ok(Ok(key)) = decoding.await {
                let key = Arc::new(key);
                self.access.unlock(self.path, key.clone());
                return Ok(key);
            }
        }
        Err(NotSigned::WrongPassphrase)
    }
}

//! TLS with given certificates, chosen by server name from the same table that routes the request.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, ServerConfig};
use webpki::EndEntityCert;

use super::route::Table;
use crate::control::Certificate;

/// Why a certificate cannot be used. The key is never part of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The chain is not PEM.
    #[error("the certificate is not PEM")]
    Chain,
    /// There is no certificate in it.
    #[error("the certificate's PEM has no certificate in it")]
    Empty,
    /// The key is not PEM, or not a key.
    #[error("the certificate's key is not a private key in PEM")]
    Key,
    /// The key is of a kind that is not supported.
    #[error("the certificate's key is neither RSA, ECDSA nor Ed25519")]
    Kind,
    /// They do not belong together.
    #[error("the certificate and the key do not belong together")]
    Mismatch,
    /// It is not a certificate that a server can show.
    #[error("the certificate cannot be read as X.509")]
    Leaf,
}

/// Reads a certificate with its key, and proves that they belong together.
pub(super) fn certified_key(pem: &Certificate) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(pem.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| TlsError::Chain)?;
    let leaf = chain.first().ok_or(TlsError::Empty)?;
    EndEntityCert::try_from(leaf).map_err(|_| TlsError::Leaf)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key_pem.as_bytes()).map_err(|_| TlsError::Key)?;
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(|_| TlsError::Kind)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(_) => Err(TlsError::Mismatch),
    }
}

/// A warning for each domain that the certificate is not valid for.
pub(super) fn uncovered(key: &CertifiedKey, domains: &[String]) -> Vec<String> {
    let Some(Ok(leaf)) = key.cert.first().map(EndEntityCert::try_from) else { return Vec::new() };
    let covers = |domain: &str| {
        // A wildcard is covered if any name one level below is.
        let name = domain.strip_prefix('*').map_or_else(|| domain.to_owned(), |rest| format!("any{rest}"));
        ServerName::try_from(name).is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    };
    let uncovered = domains.iter().filter(|domain| !covers(domain));
    uncovered.map(|domain| format!("the certificate is not valid for {domain}")).collect()
}

/// Looks certificates up in the routing table.
struct Certificates(Arc<ArcSwap<Table>>);

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Without a name (an address was typed) only the catch-all can have a certificate.
        let name = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        self.0.load().certificate(&name)
    }
}

/// How connections on the TLS listeners are accepted: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub(super) fn server_config(table: &Arc<ArcSwap<Table>>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates(Arc::clone(table))));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}

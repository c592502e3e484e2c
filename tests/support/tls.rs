//! A server whose certificate it made itself.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivatePkcs1KeyDer},
    },
};

/// Meets one client. Whether the client hung up over the certificate.
pub async fn self_signed(listener: TcpListener) -> bool {
    let certificate = include_bytes!("../../src/testing/keys/rsa-1.certificate.der");
    let key = include_bytes!("../../src/testing/keys/rsa-1.private.der");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(&certificate[..])],
            PrivatePkcs1KeyDer::from(&key[..]).into(),
        )
        .unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    TlsAcceptor::from(Arc::new(config)).accept(socket).await.is_err()
}

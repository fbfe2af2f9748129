//! How this crate speaks HTTP.

use std::time::Duration;

use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// A server that says nothing for so long says nothing more.
const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that trusts the machine's own certificates, so that a company's proxy is trusted where
/// the machine does. It follows no redirects and gives answers of every status back.
pub(crate) fn agent(https_only: bool) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .https_only(https_only)
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("vitrine/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity")
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .into()
}

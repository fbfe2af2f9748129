//! The HTTP client of this crate.

use std::time::Duration;

use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// Timeout for connecting, for a response and for each read.
const PATIENCE: Duration = Duration::from_secs(30);

/// An agent that uses the operating system's certificates, so that it accepts a company's proxy if the system does.
/// It follows no redirects and does not treat error statuses as errors.
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

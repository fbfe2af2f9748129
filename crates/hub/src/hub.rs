//! The model from the model hub.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

use crate::{HubError, Model, Progress, store::store};

/// A server that says nothing for so long says nothing more.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn fetch(
    model: &Model,
    folder: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    // The machine's own certificates, so that a company's proxy is trusted where the machine does.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .into();
    let mut response = agent
        .get(model.hub_url)
        .call()
        .map_err(|error| HubError::Download {
            url: model.hub_url.to_owned(),
            reason: error.to_string(),
        })?;
    let mut body = response
        .body_mut()
        .with_config()
        .limit(model.bytes + 1)
        .reader();
    store(model, folder, &mut body, "the model hub", progress)
}

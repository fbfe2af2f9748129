//! Serves the built page on this machine, for people and for the browser tests.
//!
//! Only to this machine: the address is always 127.0.0.1. The headers are those that a careful
//! static host would send, so that a page which breaks under them breaks here first.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
};
use tokio::net::TcpListener;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

/// How many ports are tried from the first on.
const PORTS: u16 = 100;

/// What a page may load and do: its own files and wasm. No inline scripts. Whom it may connect to
/// stands in the page itself, beside the model hub's address; two policies would have to agree.
const CONTENT_SECURITY_POLICY: &str = "script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; \
    style-src 'self'; \
    img-src 'self' data:; \
    object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No port is free.
    #[error("no port from {first} to {last} is free on 127.0.0.1: choose another with --port")]
    NoPort {
        /// The first port tried.
        first: u16,
        /// The last port tried.
        last: u16,
    },
    /// The system does not let us listen or accept.
    #[error("cannot serve on 127.0.0.1: {0}; choose another port with --port")]
    Io(#[from] io::Error),
}

/// A port that is taken, and nothing served on it yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes `first_port`, or the next that is free; 0 lets the system choose.
    pub async fn bind(first_port: u16) -> Result<Self, ServeError> {
        let last_port = if first_port == 0 {
            0
        } else {
            first_port.saturating_add(PORTS - 1)
        };
        for port in first_port..=last_port {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    return Ok(Self { listener, address });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServeError::NoPort {
            first: first_port,
            last: last_port,
        })
    }

    /// The port that was taken.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where the page will be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves `folder` for as long as the future is polled.
    pub async fn serve(self, folder: &Path) -> Result<(), ServeError> {
        Ok(axum::serve(self.listener, router(folder)).await?)
    }
}

fn router(folder: &Path) -> Router {
    let header = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    Router::new()
        .fallback_service(ServeDir::new(folder))
        // Always ask whether a file is still the same: a new build is seen at once.
        .layer(header(header::CACHE_CONTROL, "no-cache"))
        .layer(header(
            header::CONTENT_SECURITY_POLICY,
            CONTENT_SECURITY_POLICY,
        ))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::REFERRER_POLICY, "no-referrer"))
        .layer(header(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ))
}

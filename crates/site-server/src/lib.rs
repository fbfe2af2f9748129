//! Serves the built page on this machine, for development and browser tests.
//!
//! It listens on 127.0.0.1 only. It sends the headers of a strict static host, so that problems with them show up
//! during development.

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

/// Number of ports to try.
const PORTS: u16 = 100;

/// Allows the page's own files and wasm, but no inline scripts. Connections are restricted by the page's own policy,
/// next to the address of the model hub; a second policy here would have to match it.
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
    /// Listening or accepting failed.
    #[error("cannot serve on 127.0.0.1: {0}; choose another port with --port")]
    Io(#[from] io::Error),
}

/// A bound port that does not serve anything yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Binds `first_port` or the next free one; with 0 the system chooses.
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

    /// The bound port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Address of the page.
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
        // Makes browsers revalidate files, so that they load a new build at once.
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

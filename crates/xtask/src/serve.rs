//! `cargo xtask serve`: the page in a browser on this machine.

use anyhow::{Context, Result};
use vitrine_site_server::Server;

use crate::{model, say, shell::is_set, web, workspace::Workspace};

/// Builds what is not up to date, fetches the model if it is not there, serves, and opens a
/// browser where there is a desktop.
pub fn serve(workspace: &Workspace, port: u16, open: bool) -> Result<()> {
    let start = say::begin("Bringing the page and its model up to date");
    let site = web::build(workspace, web::Build::Release)?;
    model::add_to_site(&model::fetch()?, &site)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the server's threads")?;
    runtime.block_on(async {
        let server = Server::bind(port).await?;
        if port != 0 && server.port() != port {
            say::note(format!("port {port} is taken"));
        }
        let url = server.url();
        say::done(start, "all is up to date");
        say::begin(format!("Vitrine is at {url} (Ctrl+C ends it)"));
        if open && has_desktop() && webbrowser::open(&url).is_err() {
            say::note("no browser could be opened: open the address yourself");
        }
        server.serve(&site).await?;
        Ok(())
    })
}

/// Whether a person sits before this machine's screen.
fn has_desktop() -> bool {
    let has_screen =
        cfg!(any(windows, target_os = "macos")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    has_screen && !is_set("CI") && !is_set("SSH_CONNECTION")
}

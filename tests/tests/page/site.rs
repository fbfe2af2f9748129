//! A copy of the built site for one test, which may damage it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tokio::task::AbortHandle;
use vitrine_site_server::Server;

use crate::setup;

/// The site of one test, served for as long as this lives.
pub struct Site {
    /// Its folder.
    pub folder: PathBuf,
    /// Its address.
    pub url: String,
    /// Ends the server.
    pub server: AbortHandle,
}

impl Site {
    /// Copies the built site and serves the copy on a free port.
    pub async fn start(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("site-{name}"));
        let _ = fs::remove_dir_all(&folder);
        link_folder(&setup::path("VITRINE_SITE"), &folder).unwrap();
        let server = Server::bind(0).await.unwrap();
        let url = server.url();
        let served = folder.clone();
        let server = tokio::spawn(async move { server.serve(&served).await.unwrap() });
        Self {
            folder,
            url,
            server: server.abort_handle(),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The parts of the model in a site, in order.
pub fn model_parts(site: &Path) -> Vec<PathBuf> {
    let mut parts = Vec::new();
    for model in fs::read_dir(site.join("models")).unwrap().flatten() {
        if model.path().is_dir() {
            parts.extend(
                fs::read_dir(model.path())
                    .unwrap()
                    .flatten()
                    .map(|file| file.path()),
            );
        }
    }
    parts.retain(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("part-")
    });
    parts.sort();
    assert!(!parts.is_empty(), "the site has no model");
    parts
}

/// Copies a folder; files are linked where the file system can, since models are large.
fn link_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) = (entry.as_ref().unwrap().path(), to.join(entry?.file_name()));
        if path.is_dir() {
            link_folder(&path, &target)?;
        } else if fs::hard_link(&path, &target).is_err() {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

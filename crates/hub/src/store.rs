//! Writes a model to the cache folder and verifies its checksum.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process,
};

use sha2::{Digest, Sha256};

use crate::{HubError, Model, Progress};

/// Copies the model from `source` to `folder`.
///
/// The file ends in `.part` until its checksum is verified, so an incomplete download is never taken for the model.
pub(crate) fn store(
    model: &Model,
    folder: &Path,
    source: &mut dyn Read,
    origin: &str,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let part = Part(folder.join(format!("{}.{}.part", model.file_name, process::id())));
    let cannot_write = |reason| HubError::Write {
        path: part.0.clone(),
        reason,
    };
    let wrong = |difference| HubError::Wrong {
        origin: origin.to_owned(),
        difference,
    };

    let mut file = File::create(&part.0).map_err(cannot_write)?;
    let mut hash = Sha256::new();
    let mut done = 0;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(format!("it stopped after {done} bytes ({error})"))),
        };
        let bytes = &buffer[..count];
        file.write_all(bytes).map_err(cannot_write)?;
        hash.update(bytes);
        done += count as u64;
        if done > model.bytes {
            return Err(wrong(format!("it has more than {} bytes", model.bytes)));
        }
        progress(Progress::Bytes {
            done,
            total: model.bytes,
        });
    }
    if done != model.bytes {
        return Err(wrong(format!(
            "it has {done} bytes instead of {}",
            model.bytes
        )));
    }
    let sha256: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if sha256 != model.sha256 {
        return Err(wrong(format!(
            "its SHA-256 is {sha256} instead of {}",
            model.sha256
        )));
    }
    file.sync_all().map_err(cannot_write)?;
    drop(file);
    let path = folder.join(model.file_name);
    fs::rename(&part.0, &path).map_err(cannot_write)?;
    Ok(path)
}

/// A file that is deleted on drop unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // A failure is harmless: later runs overwrite or ignore the file.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    const MODEL: Model = Model {
        name: "test",
        file_name: "test.gguf",
        bytes: 5,
        // SHA-256 of "hello".
        sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        package: "test==1",
        package_member: "test/test.gguf",
        hub_url: "https://localhost/test.gguf",
    };

    fn try_store(name: &str, source: &mut dyn Read) -> (Result<PathBuf, HubError>, usize) {
        let folder = env::temp_dir().join(format!("vitrine-hub-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let result = store(&MODEL, &folder, source, "a test", &mut |_| {});
        let files = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        (result, files)
    }

    #[test]
    fn the_right_bytes_get_the_name() {
        let (result, files) = try_store("right", &mut "hello".as_bytes());
        assert_eq!(result.unwrap().file_name().unwrap(), "test.gguf");
        assert_eq!(files, 1);
    }

    #[test]
    fn wrong_bytes_leave_nothing() {
        for (name, bytes) in [("other", "hallo"), ("short", "hell"), ("long", "hello!")] {
            let (result, files) = try_store(name, &mut bytes.as_bytes());
            assert!(
                matches!(result, Err(HubError::Wrong { .. })),
                "{name}: {result:?}"
            );
            assert_eq!(files, 0, "{name}");
        }
    }

    #[test]
    fn a_download_that_breaks_off_leaves_nothing() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let (result, files) = try_store("broken", &mut "hel".as_bytes().chain(Broken));
        assert!(matches!(result, Err(HubError::Wrong { .. })));
        assert_eq!(files, 0);
    }
}

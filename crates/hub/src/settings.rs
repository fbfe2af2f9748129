//! Settings for the hub, from the environment variables of Python's `huggingface_hub`:
//! <https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables>.

use std::{env, ffi::OsString, fs, path::PathBuf};

use crate::HubError;

/// Access to the hub, and its cache.
#[derive(Clone)]
pub struct HubSettings {
    /// The hub's address, without a slash at the end.
    pub endpoint: String,
    /// The folder that contains `models--owner--name`.
    pub cache: PathBuf,
    /// Access token.
    pub token: Option<String>,
    /// Use only the cache.
    pub offline: bool,
    /// Maximum consecutive retries of a download that bring no new byte.
    pub retries: u32,
}

impl HubSettings {
    /// Reads `HF_ENDPOINT`, `HF_HUB_CACHE` (else `HF_HOME`, else the platform's cache folder), `HF_TOKEN` (else the
    /// file that `hf auth login` writes) and `HF_HUB_OFFLINE`.
    ///
    /// # Errors
    /// [`HubError::NoHubCache`] if there is no cache folder, [`HubError::BadToken`] for a token with invalid
    /// characters, [`HubError::BadEndpoint`] for an address that is not HTTP.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let is_set = |name| {
            text(name).is_some_and(|value| {
                ["1", "on", "yes", "true"].contains(&value.to_ascii_lowercase().as_str())
            })
        };
        let home = || {
            let home = variable("HOME").or_else(|| variable("USERPROFILE"));
            home.map(PathBuf::from)
        };
        let in_home = |path: OsString| match path.to_str().and_then(|path| path.strip_prefix("~/"))
        {
            Some(rest) => home().map(|home| home.join(rest)),
            None => Some(PathBuf::from(path)),
        };
        let hf_home = match variable("HF_HOME") {
            Some(path) => in_home(path),
            None => match variable("XDG_CACHE_HOME") {
                Some(cache) => Some(PathBuf::from(cache)),
                None => home().map(|home| home.join(".cache")),
            }
            .map(|cache| cache.join("huggingface")),
        };
        let cache = match variable("HF_HUB_CACHE").or_else(|| variable("HUGGINGFACE_HUB_CACHE")) {
            Some(path) => in_home(path),
            None => hf_home.as_ref().map(|home| home.join("hub")),
        };

        let token_file = match variable("HF_TOKEN_PATH") {
            Some(path) => in_home(path),
            None => hf_home.map(|home| home.join("token")),
        };
        let token = text("HF_TOKEN")
            .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
            .or_else(|| fs::read_to_string(token_file?).ok())
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty());
        if token.as_ref().is_some_and(|token| !is_token(token)) {
            return Err(HubError::BadToken);
        }

        let endpoint = text("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !["https://", "http://"]
            .iter()
            .any(|scheme| endpoint.len() > scheme.len() && endpoint.starts_with(scheme))
        {
            return Err(HubError::BadEndpoint(endpoint));
        }
        Ok(Self {
            endpoint,
            cache: cache.ok_or(HubError::NoHubCache)?,
            token,
            offline: is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE"),
            retries: 5,
        })
    }
}

/// Whether an HTTP header can contain it.
fn is_token(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::from(|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_has_it() {
        let cache = |variables: &[(&str, &str)]| with(variables).unwrap().cache;
        let home = ("HOME", "/home/a");
        assert_eq!(
            cache(&[home]),
            PathBuf::from("/home/a/.cache/huggingface/hub")
        );
        assert_eq!(
            cache(&[home, ("XDG_CACHE_HOME", "/c")]),
            PathBuf::from("/c/huggingface/hub")
        );
        assert_eq!(cache(&[home, ("HF_HOME", "/hf")]), PathBuf::from("/hf/hub"));
        assert_eq!(
            cache(&[home, ("HF_HOME", "~/hf")]),
            PathBuf::from("/home/a/hf/hub")
        );
        assert_eq!(
            cache(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/big")]),
            PathBuf::from("/big")
        );
        assert!(matches!(with(&[]), Err(HubError::NoHubCache)));
    }

    #[test]
    fn tokens_and_switches() {
        let home = ("HF_HOME", "/nowhere");
        let settings =
            with(&[home, ("HF_TOKEN", " hf_abc\n"), ("HF_HUB_OFFLINE", "True")]).unwrap();
        assert_eq!(settings.token.as_deref(), Some("hf_abc"));
        assert!(settings.offline);
        assert_eq!(settings.endpoint, "https://huggingface.co");
        let settings =
            with(&[home, ("HF_HUB_OFFLINE", "0"), ("HF_ENDPOINT", "http://m/")]).unwrap();
        assert_eq!(settings.token, None);
        assert!(!settings.offline);
        assert_eq!(settings.endpoint, "http://m");
        assert!(matches!(
            with(&[home, ("HF_TOKEN", "a b")]),
            Err(HubError::BadToken)
        ));
        assert!(matches!(
            with(&[home, ("HF_ENDPOINT", "mirror")]),
            Err(HubError::BadEndpoint(_))
        ));
    }

    #[test]
    fn the_token_that_a_login_left() {
        let folder = env::temp_dir().join(format!("vitrine-hub-token-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("token"), "hf_file\n").unwrap();
        let home = ("HF_HOME", folder.to_str().unwrap());
        assert_eq!(with(&[home]).unwrap().token.as_deref(), Some("hf_file"));
        assert_eq!(
            with(&[home, ("HF_TOKEN", "hf_env")])
                .unwrap()
                .token
                .as_deref(),
            Some("hf_env")
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}

//! Translates error responses of the hub.

use crate::{HubError, HubId};

/// A response of the hub that may be an error. `code` and `message` are the headers `X-Error-Code` and
/// `X-Error-Message`.
pub(crate) struct Refusal<'a> {
    pub endpoint: &'a str,
    pub id: &'a HubId,
    pub file: Option<&'a str>,
    pub has_token: bool,
    pub status: u16,
    pub code: Option<&'a str>,
    pub message: Option<&'a str>,
}

impl Refusal<'_> {
    /// The error, if the response is one.
    pub(crate) fn error(&self) -> Option<HubError> {
        let repo = self.id.repo.clone();
        let endpoint = self.endpoint.to_owned();
        if self.status < 400 {
            return None;
        }
        Some(match (self.status, self.code) {
            (_, Some("GatedRepo")) => HubError::Gated {
                page: format!("{endpoint}/{repo}"),
                advice: if self.has_token {
                    "request access there with the account of your token (HF_TOKEN)"
                } else {
                    "request access there, and set HF_TOKEN to a token of your account"
                },
                repo,
            },
            (_, Some("RevisionNotFound")) => HubError::NoRevision {
                repo,
                revision: self.id.revision.clone(),
            },
            (_, Some("EntryNotFound")) => HubError::NoFile {
                repo,
                file: self.file.unwrap_or_default().to_owned(),
                candidates: String::new(),
            },
            (401, _) if self.is_about_the_token() => HubError::WrongToken { endpoint },
            // The hub answers 401 for missing models too, to keep private ones secret.
            (401 | 404, _) => HubError::NoModel { repo, endpoint },
            (status, _) => HubError::Refused {
                endpoint,
                status,
                message: self
                    .message
                    .map(|text| format!(" ({text})"))
                    .unwrap_or_default(),
            },
        })
    }

    fn is_about_the_token(&self) -> bool {
        let is_said = self.message.is_some_and(|message| {
            message.contains("Invalid credentials") || message.contains("Invalid username")
        });
        self.has_token && (is_said || self.code.is_none())
    }
}

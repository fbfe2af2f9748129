//! HTTP: a small file as text, or any length of bytes as a stream of chunks.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, RequestCache, RequestCredentials,
    RequestInit, Response,
};

use crate::scope;

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// The first byte and the one after the last; none for all.
    pub range: Option<(u64, u64)>,
    /// An access token.
    pub token: Option<&'a str>,
}

/// Errors of a request.
#[derive(Clone, Debug)]
pub enum FetchError {
    /// No answer, or a broken connection.
    Unreachable {
        /// What was asked for.
        url: String,
        /// What the browser said.
        reason: String,
    },
    /// The server refused.
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The model hub's own code, `GatedRepo`.
        code: Option<String>,
    },
}

impl<'a> Request<'a> {
    /// All of the file at `url`.
    pub fn whole(url: &'a str) -> Self {
        Self {
            url,
            range: None,
            token: None,
        }
    }

    /// A small file as text, requested from the server each time.
    pub async fn text(&self) -> Result<String, FetchError> {
        let answer = self.send(RequestCache::NoCache).await?;
        let failed = |error: JsValue| self.unreachable(&error);
        let text = JsFuture::from(answer.response.text().map_err(failed)?)
            .await
            .map_err(failed)?;
        Ok(text.as_string().unwrap_or_default())
    }

    /// The body as a stream of chunks. The browser's HTTP cache is bypassed, because the model is kept in our own
    /// storage.
    pub async fn body(&self) -> Result<Body, FetchError> {
        let answer = self.send(RequestCache::NoStore).await?;
        if self.range.is_some() && answer.response.status() != 206 {
            let whole = JsValue::from_str("the server sends whole files only");
            return Err(self.unreachable(&whole));
        }
        let empty = JsValue::from_str("the answer is empty");
        let stream = answer.response.body();
        let stream = stream.ok_or_else(|| self.unreachable(&empty))?;
        let reader = ReadableStreamDefaultReader::new(&stream);
        Ok(Body {
            url: self.url.to_owned(),
            reader: reader.map_err(|error| self.unreachable(&error))?,
            _answer: answer,
        })
    }

    async fn send(&self, cache: RequestCache) -> Result<Answer, FetchError> {
        let failed = |error: JsValue| self.unreachable(&error);
        let headers = Headers::new().map_err(failed)?;
        if let Some((start, end)) = self.range {
            let range = format!("bytes={start}-{}", end.saturating_sub(1));
            headers.set("Range", &range).map_err(failed)?;
        }
        let init = RequestInit::new();
        init.set_cache(cache);
        if let Some(token) = self.token {
            let bearer = format!("Bearer {token}");
            headers.set("Authorization", &bearer).map_err(failed)?;
            // The token identifies the user; cookies are not sent.
            init.set_credentials(RequestCredentials::Omit);
        }
        init.set_headers(&headers);
        let controller = Abort(AbortController::new().map_err(failed)?);
        init.set_signal(Some(&controller.0.signal()));
        let promise = scope::worker().fetch_with_str_and_init(self.url, &init);
        let response: Response = JsFuture::from(promise)
            .await
            .map_err(failed)?
            .unchecked_into();
        if response.ok() {
            Ok(Answer {
                response,
                _abort: controller,
            })
        } else {
            Err(FetchError::Status {
                url: self.url.to_owned(),
                status: response.status(),
                code: response.headers().get("X-Error-Code").ok().flatten(),
            })
        }
    }

    fn unreachable(&self, error: &JsValue) -> FetchError {
        FetchError::Unreachable {
            url: self.url.to_owned(),
            reason: scope::describe(error),
        }
    }
}

/// The body of a response. Dropping it ends the transfer.
pub struct Body {
    url: String,
    reader: ReadableStreamDefaultReader,
    _answer: Answer,
}

impl Body {
    /// The next chunk, still in JavaScript's memory; none at the end.
    pub async fn next(&mut self) -> Result<Option<Uint8Array>, FetchError> {
        let failed = |error: JsValue| FetchError::Unreachable {
            url: self.url.clone(),
            reason: scope::describe(&error),
        };
        let result = JsFuture::from(self.reader.read()).await.map_err(failed)?;
        let done = Reflect::get(&result, &JsValue::from_str("done")).map_err(failed)?;
        if done.is_truthy() {
            return Ok(None);
        }
        let value = Reflect::get(&result, &JsValue::from_str("value")).map_err(failed)?;
        Ok(Some(value.unchecked_into()))
    }
}

struct Answer {
    response: Response,
    _abort: Abort,
}

/// Ends a transfer that is no longer needed.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

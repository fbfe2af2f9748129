//! HTTP, as text or as a stream of chunks.

use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, RequestCache, RequestInit, Response};

use crate::error::WorkerError;
use crate::scope;

/// A small file as text, asked of the server anew each time.
pub async fn text(url: &str) -> Result<String, WorkerError> {
    let response = get(url, RequestCache::NoCache).await?;
    let promise = response.text().map_err(|error| unreachable(url, &error))?;
    let text = JsFuture::from(promise)
        .await
        .map_err(|error| unreachable(url, &error))?;
    Ok(text.as_string().unwrap_or_default())
}

/// The body of a response, chunk by chunk.
pub struct Body {
    url: String,
    reader: ReadableStreamDefaultReader,
}

impl Body {
    /// Asks for `url`. The browser's own cache is left out: the model is kept in our storage, and
    /// twice would be once too often.
    pub async fn open(url: &str) -> Result<Self, WorkerError> {
        let response = get(url, RequestCache::NoStore).await?;
        let empty = JsValue::from_str("the answer is empty");
        let stream = response.body().ok_or_else(|| unreachable(url, &empty))?;
        let reader =
            ReadableStreamDefaultReader::new(&stream).map_err(|error| unreachable(url, &error))?;
        Ok(Self {
            url: url.to_owned(),
            reader,
        })
    }

    /// The next chunk; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, WorkerError> {
        let failed = |error: JsValue| unreachable(&self.url, &error);
        let result = JsFuture::from(self.reader.read()).await.map_err(failed)?;
        let done = Reflect::get(&result, &JsValue::from_str("done")).map_err(failed)?;
        if done.is_truthy() {
            return Ok(None);
        }
        let value = Reflect::get(&result, &JsValue::from_str("value")).map_err(failed)?;
        Ok(Some(value.unchecked_into::<Uint8Array>().to_vec()))
    }
}

async fn get(url: &str, cache: RequestCache) -> Result<Response, WorkerError> {
    let init = RequestInit::new();
    init.set_cache(cache);
    let response: Response = JsFuture::from(scope::worker().fetch_with_str_and_init(url, &init))
        .await
        .map_err(|error| unreachable(url, &error))?
        .unchecked_into();
    if response.ok() {
        Ok(response)
    } else {
        Err(WorkerError::Status {
            url: url.to_owned(),
            status: response.status(),
        })
    }
}

fn unreachable(url: &str, error: &JsValue) -> WorkerError {
    WorkerError::Unreachable {
        url: url.to_owned(),
        reason: scope::describe(error),
    }
}

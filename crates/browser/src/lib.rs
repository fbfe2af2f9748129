//! The one wasm module of the site. The page starts it with `startPage`, the worker with
//! `startWorker`; what both need is in it once.

#[cfg(target_arch = "wasm32")]
pub use {vitrine_web::start_page, vitrine_worker::start_worker};

//! The wasm module of the site, which contains the code of page and worker. The page calls `startPage`, the worker
//! `startWorker`.

#[cfg(target_arch = "wasm32")]
pub use {vitrine_web::start_page, vitrine_worker::start_worker};

//! The web worker that owns the GPU device and runs the engine for the page.

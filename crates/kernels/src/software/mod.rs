//! What exists for software adapters only (lavapipe, SwiftShader), as does `shaders/software/`.

pub(crate) mod attention;

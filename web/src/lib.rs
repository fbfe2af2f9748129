//! The page: tokens, next-token bars and the state of the engine, drawn with Leptos.

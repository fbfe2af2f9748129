//! Boxed memos and effects for Leptos.
//!
//! Leptos's functions are generic over the closure and would be compiled once for each. Boxed
//! closures share one instance per type of value, which keeps the wasm small.

use leptos::prelude::*;

/// A value that is recomputed when its inputs change, and notifies its dependents if it differs.
#[track_caller]
pub fn memo<T: PartialEq + Send + Sync + 'static>(
    value: impl Fn(Option<&T>) -> T + Send + Sync + 'static,
) -> Memo<T> {
    boxed_memo(Box::new(value))
}

type BoxedValue<T> = Box<dyn Fn(Option<&T>) -> T + Send + Sync>;

fn boxed_memo<T: PartialEq + Send + Sync + 'static>(value: BoxedValue<T>) -> Memo<T> {
    Memo::new(value)
}

/// An effect that runs now and whenever its inputs change.
pub fn effect(act: impl Fn() + 'static) {
    boxed_effect(Box::new(act));
}

fn boxed_effect(act: Box<dyn Fn()>) {
    Effect::new(move |_: Option<()>| act());
}

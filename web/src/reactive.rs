//! Boxed memos and effects for Leptos.
//!
//! Leptos takes any closure, and so compiles all that a memo does once for each closure. Boxed ones
//! have one type, and the code is there once for each type of value.

use leptos::prelude::*;

/// A value that is recomputed when its inputs change, and notifies when it differs.
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

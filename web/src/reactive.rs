//! Leptos's memos and effects, without new code for each of them.
//!
//! Leptos takes any closure, and so compiles all that a memo does once for each closure. Boxed ones
//! have one type, and the code is there once for each type of value.

use leptos::prelude::*;

/// A value that is computed anew when what it reads changes, and is told on when it differs.
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

/// Something that is done now and whenever what it reads changes.
pub fn effect(act: impl Fn() + 'static) {
    boxed_effect(Box::new(act));
}

fn boxed_effect(act: Box<dyn Fn()>) {
    Effect::new(move |_: Option<()>| act());
}

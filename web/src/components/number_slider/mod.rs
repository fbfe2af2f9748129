use leptos::prelude::*;

/// A slider with a number field for the exact value.
#[component]
pub fn NumberSlider(
    /// Also the prefix of the ids of its elements.
    #[prop(into)]
    id: String,
    label: &'static str,
    value: RwSignal<f64>,
    min: f64,
    max: f64,
    step: f64,
    #[prop(optional)] hint: Option<&'static str>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let take = move |text: String| {
        if let Ok(number) = text.trim().parse::<f64>()
            && number.is_finite()
        {
            value.set(number.clamp(min, max));
        }
    };
    let label_id = format!("{id}-label");
    let hint_id = format!("{id}-hint");
    let described = hint.map(|_| hint_id.clone());
    view! {
        <div class="slider" class:slider-off=move || disabled.get()>
            <span class="slider-label" id=label_id.clone()>{label}</span>
            <input
                type="range"
                class="slider-range"
                min=min.to_string()
                max=max.to_string()
                step=step.to_string()
                aria-labelledby=label_id.clone()
                aria-describedby=described.clone()
                disabled=move || disabled.get()
                prop:value=move || value.get().to_string()
                on:input=move |event| take(event_target_value(&event))
            />
            <input
                type="number"
                class="number slider-number"
                data-testid=id
                min=min.to_string()
                max=max.to_string()
                step="any"
                aria-labelledby=label_id
                aria-describedby=described
                disabled=move || disabled.get()
                prop:value=move || value.get().to_string()
                on:change=move |event| take(event_target_value(&event))
            />
            {hint.map(|hint| view! { <p class="hint slider-hint" id=hint_id>{hint}</p> })}
        </div>
    }
}

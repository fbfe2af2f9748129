use leptos::prelude::*;
use vitrine_protocol::ModuleNode;

use crate::format;
use crate::i18n::t;
use crate::state::State;
use crate::view::View;

/// Levels that are open initially.
const OPEN: u32 = 4;

/// The modules as PyTorch prints them, as a collapsible tree.
#[component]
pub fn Tree(state: State, root: ModuleNode) -> impl IntoView {
    view! {
        <div class="tree" data-testid="module-tree">{node(state, &root, 0)}</div>
    }
}

fn node(state: State, module: &ModuleNode, depth: u32) -> AnyView {
    let line = line(module, depth);
    let open = panel_of(&module.name)
        .filter(|_| depth > 0)
        .map(|view| opener(state, view));
    if module.children.is_empty() {
        return view! { <div class="tree-leaf">{line}{open}</div> }.into_any();
    }
    let children: Vec<_> = module
        .children
        .iter()
        .map(|child| node(state, child, depth + 1))
        .collect();
    view! {
        <details class="tree-node" open=depth < OPEN>
            <summary class="tree-line">{line}</summary>
            <div class="tree-children">{open}{children}</div>
        </details>
    }
    .into_any()
}

fn line(module: &ModuleNode, depth: u32) -> impl IntoView + use<> {
    let name = (depth > 0).then(|| format!("({}):", module.name));
    let times = (module.count > 1).then(|| format!("{} ×", module.count));
    let shape = module.shape.as_ref().map(|shape| {
        let sizes: Vec<String> = shape.iter().map(u32::to_string).collect();
        format!("[{}]", sizes.join(", "))
    });
    view! {
        <span
            class="tree-text"
            data-testid="module"
            data-name=module.name.clone()
            data-parameters=module.parameters.to_string()
            data-count=module.count.to_string()
        >
            {name.map(|name| view! { <span class="tree-name">{name}</span> })}
            {times.map(|times| view! { <span class="tree-times">{times}</span> })}
            <span class="tree-class">{module.description.clone()}</span>
        </span>
        <span class="tree-size">
            {shape.map(|shape| view! { <span class="tree-shape">{shape}</span> })}
            {(module.parameters > 0).then(|| view! {
                <span title=t("model-parameters")>{format::count(module.parameters)}</span>
            })}
        </span>
    }
}

/// The button that opens the panel of a module. A collapsible line cannot contain a button.
fn opener(state: State, view: View) -> impl IntoView {
    view! {
        <button
            type="button"
            class="tree-open"
            on:click=move |_| state.selection.view.set(view)
        >
            {view.title()}
        </button>
    }
}

/// The panel that shows what a module does.
fn panel_of(name: &str) -> Option<View> {
    match name {
        "embed_tokens" | "wte" => Some(View::Tokens),
        "self_attn" | "attn" => Some(View::Attention),
        "mlp" | "block_sparse_moe" => Some(View::Residual),
        "rotary_emb" => Some(View::Rope),
        "norm" | "ln_f" => Some(View::Lens),
        "lm_head" => Some(View::Next),
        _ => None,
    }
}

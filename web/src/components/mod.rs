//! One folder per component; its style is `web/static/css/<component>.css`.

pub mod announcer;
pub mod asking;
pub mod branch_tree;
pub mod failure_panel;
#[allow(dead_code, reason = "panels use it")]
pub mod figure;
pub mod footer;
pub mod header;
pub mod inspector;
pub mod language_menu;
pub mod lesson_card;
pub mod load_panel;
pub mod matrix;
pub mod model_picker;
pub mod number_slider;
pub mod output;
pub mod presenter;
pub mod prompt_form;
pub mod rail;
pub mod settings_panel;
pub mod speed;
pub mod stage;
pub mod theme_button;
pub mod token_bars;
pub mod token_strip;
pub mod transport;

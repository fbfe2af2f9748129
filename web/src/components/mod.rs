//! One folder per component; its style is `web/static/css/<component>.css`.

pub mod announcer;
pub mod failure_panel;
pub mod footer;
pub mod header;
pub mod load_panel;
pub mod model_picker;
pub mod output;
pub mod prompt_form;
pub mod speed;
pub mod theme_button;
pub mod token_bars;
pub mod token_strip;

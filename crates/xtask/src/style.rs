//! The page's style sheet, from the files beside the components that they style.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::files;

/// Files of `web/style` that come first, in this order. All others are `style.css` beside their component.
const FIRST: [&str; 4] = ["tokens", "base", "layout", "controls"];

/// All style sheets of the folder `web`, joined.
pub fn bundle(web: &Path) -> Result<String> {
    let mut paths: Vec<_> = FIRST
        .iter()
        .map(|name| web.join(format!("style/{name}.css")))
        .collect();
    let mut beside = files::list(&web.join("src"))?;
    beside.retain(|path| path.file_name().is_some_and(|name| name == "style.css"));
    paths.extend(beside);
    let sheets: Result<Vec<_>, _> = paths.iter().map(fs::read_to_string).collect();
    Ok(sheets?.concat())
}

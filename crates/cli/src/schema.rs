//! `vitrine schema`.

use std::io::{self, Write};

use vitrine_protocol::TraceLine;

pub fn run() -> anyhow::Result<()> {
    let schema = schemars::schema_for!(TraceLine);
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(())
}

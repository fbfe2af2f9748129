//! `vitrine adapters`.

use std::io::{self, Write};

use vitrine_engine::describe;
use vitrine_gpu::{GpuError, list_adapters};
use vitrine_protocol::AdapterSummary;

use crate::args::AdaptersArgs;

pub async fn run(args: AdaptersArgs) -> anyhow::Result<()> {
    let adapters: Vec<AdapterSummary> = list_adapters().await.iter().map(describe).collect();
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&adapters)?)?;
        return Ok(());
    }
    if adapters.is_empty() {
        return Err(GpuError::NoAdapter.into());
    }
    for (index, adapter) in adapters.iter().enumerate() {
        let AdapterSummary {
            name,
            backend,
            device_type,
            driver,
            ..
        } = adapter;
        let features = match adapter.features.as_slice() {
            [] => "none of f16, subgroups, timestamps".to_owned(),
            features => features.join(", "),
        };
        writeln!(out, "{index}: {name}")?;
        writeln!(out, "   {backend}, {device_type}, driver {driver}")?;
        writeln!(out, "   features: {features}")?;
        writeln!(
            out,
            "   limits: binding {}, buffer {}",
            mebibytes(adapter.max_storage_binding),
            mebibytes(adapter.max_buffer)
        )?;
    }
    Ok(())
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

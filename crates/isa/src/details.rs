//! Kernels one by one, with all that is known of them.

use std::collections::BTreeSet;

use crate::measured::Measured;
use crate::planned::Uses;
use crate::report::Report;

/// All kernels of a report.
pub fn details(report: &Report) -> String {
    let mut text = String::new();
    for kernel in &report.kernels {
        text += &format!("\n{}\n", kernel.label);
        text += &uses(&kernel.uses);
        for (family, measured) in &kernel.measured {
            text += &format!("  {family:<6}  {}", figures(measured));
        }
    }
    text
}

fn uses(uses: &Uses) -> String {
    let sets = [
        ("runs in", &uses.places),
        ("passes", &uses.passes),
        ("models", &uses.models),
        ("weights", &uses.weights),
        ("activations", &uses.activations),
        ("cache", &uses.caches),
    ];
    let mut text = String::new();
    for (name, set) in sets.into_iter().filter(|(_, set)| !set.is_empty()) {
        text += &format!("  {name}: {}\n", list(set));
    }
    text
}

fn list(set: &BTreeSet<String>) -> String {
    let words: Vec<&str> = set.iter().map(String::as_str).collect();
    words.join(", ")
}

fn figures(of: &Measured) -> String {
    let Measured {
        vgprs,
        spilled_vgprs,
        spilled_sgprs,
        scratch_bytes,
        lds_bytes,
        waves,
        instructions,
        inverse_throughput,
        inner,
    } = of;
    let mut text = format!("{vgprs} VGPRs, ");
    if of.spills() {
        text += &format!("{spilled_vgprs} MORE SPILLED, {scratch_bytes} BYTES OF SCRATCH, ");
    }
    if *spilled_sgprs > 0 {
        text += &format!("{spilled_sgprs} scalar registers in vector ones, ");
    }
    text += &format!("{lds_bytes} bytes of LDS, {waves} waves per SIMD, ");
    text += &format!("{instructions} instructions, inverse throughput {inverse_throughput}\n");
    let Some(inner) = inner else {
        return text;
    };
    let (label, count, fused) = (&inner.label, inner.instructions, inner.fused_share());
    text += &format!("          inner loop ({label}): {count} instructions");
    if let (Some(all), Some(vector), Some(unit)) = (of.per_unit(), of.vector_per_unit(), inner.unit)
    {
        let unit = unit.of.name();
        text += &format!(", {all:.2} per {unit}, {vector:.2} of them vector");
    }
    text += &format!(", {:.0} % fused\n          of it", fused * 100.0);
    let mut mix: Vec<_> = inner.mix.iter().collect();
    mix.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mix = mix
        .into_iter()
        .map(|(kind, n)| format!(" {n} {}", kind.name()));
    text += &mix.collect::<Vec<_>>().join(",");
    match inner.other_loops {
        0 => text + "\n",
        loops => text + &format!("; other loops: {loops}\n"),
    }
}

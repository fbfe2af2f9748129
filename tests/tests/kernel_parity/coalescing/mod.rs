//! Coalescing: the weights, keys and values that a subgroup of a real GPU loads together are contiguous, so that all
//! fetched sectors of memory are used. Kernels log their loads ([`trace`]), one workgroup of each. With `--nocapture`
//! this prints the table of docs/kernels.md.

mod cases;
mod exceptions;
mod sectors;
mod table;
mod trace;

use std::collections::BTreeMap;

use vitrine_gpu::Gpu;

use cases::Case;
use exceptions::Exception;
use sectors::Ratio;
use table::Row;
use trace::Loads;

use crate::support::gpu;

/// Invocations of subgroups of real GPUs.
const SUBGROUPS: [usize; 2] = [32, 64];
/// Bytes brought over bytes used, of a single instruction, above which a load is an [`Exception`].
const MOST: f64 = 1.25;

/// The functions of a kernel that load, with the ratios of subgroups of either size.
fn ratios(loads: &[Loads]) -> BTreeMap<String, [Ratio; 2]> {
    let [narrow, wide] = SUBGROUPS.map(|size| sectors::ratios(loads, size));
    let both = narrow.into_iter().zip(wide.into_values());
    both.map(|((load, narrow), wide)| (load, [narrow, wide]))
        .collect()
}

fn is_full(ratios: &[Ratio; 2]) -> bool {
    ratios.iter().all(|ratio| ratio.worst == 1.0)
}

fn is_above(ratios: &[Ratio; 2]) -> bool {
    ratios.iter().any(|ratio| ratio.worst > MOST)
}

/// Runs kernels, and prints what they loaded.
fn rows(gpu: &Gpu, cases: Vec<Case>) -> Vec<Row> {
    let mut rows = Vec::new();
    for case in cases {
        let loads = case.traced.run(gpu);
        rows.extend(ratios(&loads).into_iter().map(|(load, ratios)| Row {
            kernel: case.kernel,
            load,
            numbers: case.numbers.clone(),
            shape: case.shape.clone(),
            ratios,
        }));
    }
    println!("{}", table::markdown(&rows));
    rows
}

#[test]
fn weights_are_loaded_without_waste() {
    let gpu = gpu();
    for row in rows(&gpu, cases::matmuls(&gpu)) {
        assert!(is_full(&row.ratios), "{row}");
    }
}

#[test]
fn keys_and_values_are_loaded_with_little_waste() {
    let gpu = gpu();
    let rows = rows(&gpu, cases::attentions(&gpu));
    for row in &rows {
        // An exception that no longer applies is an error too.
        let known = Exception::of(row).is_some();
        assert_eq!(is_above(&row.ratios), known, "{row}");
    }
    for exception in &exceptions::ALL {
        let is_found = rows.iter().any(|row| exception.is_for(row));
        assert!(is_found, "{exception:?}");
    }
}

/// The control: a kernel whose invocations go along rows, each along its own.
#[test]
fn what_lies_apart_is_found() {
    let gpu = gpu();
    let ratios = ratios(&cases::strided(&gpu).run(&gpu));
    let [narrow, wide] = ratios["load"];
    // Of each sector half.
    assert_eq!([narrow.worst, wide.worst], [2.0, 2.0]);
    assert!(is_above(&ratios["load"]));
}

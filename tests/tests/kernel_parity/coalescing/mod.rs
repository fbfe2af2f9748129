//! What a subgroup of a real GPU loads together of weights, keys and values lies together: of the sectors of memory
//! that are brought all is used. Kernels tell it themselves ([`trace`]), one workgroup of each. With `--nocapture`
//! this prints the table of docs/kernels.md.

mod cases;
mod exceptions;
mod sectors;
mod table;
mod trace;

use std::collections::BTreeMap;

use exceptions::Exception;
use sectors::Ratio;
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

#[test]
fn what_is_loaded_together_lies_together() {
    let gpu = gpu();
    let mut cases = cases::matmuls(&gpu);
    cases.extend(cases::attentions(&gpu));
    let mut rows = Vec::new();
    for case in cases {
        let loads = case.traced.run(&gpu);
        for (load, ratios) in ratios(&loads) {
            let row = table::Row {
                kernel: case.kernel,
                load,
                numbers: case.numbers.clone(),
                shape: case.shape.clone(),
                ratios,
            };
            rows.push(row);
        }
    }
    println!("{}", table::markdown(&rows));
    for row in &rows {
        let known = Exception::of(row).is_some();
        assert_eq!(is_above(&row.ratios), known, "{row}");
        let is_weights = row.kernel.starts_with("matmul");
        assert!(!is_weights || is_full(&row.ratios), "{row}");
    }
    for exception in &exceptions::ALL {
        assert!(
            rows.iter().any(|row| exception.is_for(row)),
            "{exception:?}"
        );
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

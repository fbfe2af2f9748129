//! The purpose of kernels, independent of the model.

use std::collections::{BTreeMap, BTreeSet};

use crate::models::MODELS;
use crate::planned::{Planned, Role};

/// Of `planned`, labels of as many as are needed to have each role once. Kernels of one role differ in what
/// they are told of the model's sizes, which seldom changes their code; attention's do, whose loops have the
/// size of a head.
pub fn one_of_each(planned: &BTreeMap<String, Planned>) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    let mut known: BTreeSet<(&str, Role)> = BTreeSet::new();
    for (model, _) in MODELS {
        for (label, kernel) in planned {
            if !kernel.uses.models.contains(model) || kept.contains(label) {
                continue;
            }
            let name = kernel.source.name;
            let common = kernel.roles.iter().filter(|role| is_common(role));
            let roles: Vec<_> = common.map(|role| (name, *role)).collect();
            let is_new = roles.iter().any(|role| !known.contains(role));
            if is_new || name.starts_with("attention") {
                kept.insert(label.clone());
            }
            known.extend(roles);
        }
    }
    kept
}

/// Whether every pass needs it.
fn is_common([.., pass, _, _]: &Role) -> bool {
    !matches!(
        *pass,
        "batch of 2" | "batch of 4" | "watched" | "tapped" | "changed"
    )
}

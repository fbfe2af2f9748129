//! Ablations and patches.

use crate::run::{RANDOM, json};
use crate::{close, each, numbers, random, scratch};

#[test]
fn ablations_begin_with_next_and_agree_with_the_sweep() {
    let next = random("next", &["--top", "10"]);
    let sweep = random("ablate", &["--sweep"]);
    let effects = sweep["heads"].as_array().unwrap();
    assert_eq!(effects.len(), 27);
    assert_eq!(sweep["answer"]["id"], next["top"][0]["id"]);
    let sorted = each(&sweep["heads"], "kl");
    assert!(sorted.windows(2).all(|pair| pair[0] >= pair[1]) && sorted[0] > sorted[26]);

    let strongest = format!("{}.{}", effects[0]["layer"], effects[0]["head"]);
    let one = random("ablate", &["--head", &strongest]);
    assert_eq!(one["kl"], effects[0]["kl"]);
    for (before, said) in one["before"]["top"]
        .as_array()
        .unwrap()
        .iter()
        .zip(next["top"].as_array().unwrap())
    {
        assert_eq!(
            (&before["id"], &before["logit"]),
            (&said["id"], &said["logit"])
        );
    }
    let most = &one["moved"][0];
    assert!((most["after"].as_f64().unwrap() - most["before"].as_f64().unwrap()).abs() > 0.0);
    // The mean of a head is not nothing.
    let mean = random("ablate", &["--mean", "--head", &strongest]);
    assert_ne!(mean["kl"], one["kl"]);
    // Named twice is ablated once.
    let twice = ["--mean", "--head", &strongest, "--head", &strongest];
    assert_eq!(random("ablate", &twice)["kl"], mean["kl"]);

    let all = random("ablate", &["--head", "1.*"]);
    let heads: Vec<String> = (0..9).map(|head| format!("1.{head}")).collect();
    let one_by_one: Vec<&str> = heads
        .iter()
        .flat_map(|head| ["--head", head.as_str()])
        .collect();
    assert_eq!(all["kl"], random("ablate", &one_by_one)["kl"]);
    // Heads that give nothing are an attention that adds nothing, where o_proj has no bias.
    let skipped = random("ablate", &["--skip-attention", "1"]);
    assert!(
        close(&skipped["kl"], &all["kl"], 1e-6),
        "{} {}",
        skipped["kl"],
        all["kl"]
    );
    assert!(!close(
        &random("ablate", &["--skip-mlp", "1"])["kl"],
        &all["kl"],
        1e-3
    ));
}

#[test]
fn patching_the_one_token_that_differs_restores_everything() {
    let (svg, png) = (scratch("patch.svg"), scratch("patch.png"));
    let report = json(&[
        "patch",
        "--model",
        RANDOM,
        "--clean-ids",
        "5,6,7,8",
        "--corrupt-ids",
        "5,9,7,8",
        "--json",
        "--svg",
        &svg,
        "--png",
        &png,
    ]);
    let restored: Vec<Vec<f64>> = report["restored"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    assert_eq!((restored.len(), restored[0].len()), (3, 4));
    // Before layer 0 a position knows its own token only.
    let first = &restored[0];
    assert!(
        (first[1] - 1.0).abs() < 1e-5 && first[2].abs() < 1e-5,
        "{first:?}"
    );
    assert!(restored.iter().all(|row| row[0] == 0.0));
    // Later layers spread it over the following positions.
    assert!((restored[2][1] - 1.0).abs() > 1e-3, "{restored:?}");
    assert!(report["clean_difference"].as_f64() > report["corrupt_difference"].as_f64());
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    assert!(std::fs::read(png).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn heads_and_mlps_are_patched_too() {
    let patch = |more: &[&str]| -> Vec<Vec<f64>> {
        let prompts = ["--clean-ids", "5,6,7,8", "--corrupt-ids", "5,9,7,8"];
        let given = [&["patch", "--model", RANDOM, "--json"][..], &prompts, more].concat();
        let report = json(&given);
        let rows = report["restored"].as_array().unwrap();
        rows.iter().map(numbers).collect()
    };
    let residual = patch(&["--site", "residual"]);
    assert_eq!(residual, patch(&[]));
    let (heads, mlp) = (patch(&["--site", "head"]), patch(&["--site", "mlp"]));
    let one = patch(&["--site", "head", "--head", "3"]);
    for map in [&heads, &mlp, &one] {
        assert_eq!((map.len(), map[0].len()), (3, 4));
        assert!(map.iter().all(|row| row[0] == 0.0), "{map:?}");
        // Only the last position of the last layer is read.
        let (before, last) = map[2].split_at(3);
        assert!(before.iter().all(|share| share.abs() < 1e-5), "{map:?}");
        assert!(last[0].abs() > 1e-4, "{map:?}");
    }
    assert!(heads != mlp && heads != residual && one != heads);
}

//! Number formats.

use crate::run::json;
use crate::{FLOATS, each};

#[test]
fn formats_are_compared_on_the_same_text() {
    let report = json(&[
        "compare",
        "--model",
        FLOATS,
        "--ids",
        "5,6,7",
        "--formats",
        "f32,f16,q8,q4",
        "--max-new-tokens",
        "6",
        "--json",
    ]);
    let formats = report["formats"].as_array().unwrap();
    let names: Vec<&str> = formats
        .iter()
        .map(|row| row["format"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["f32", "f16", "q8", "q4"]);
    let kl = each(&report["formats"], "mean_kl");
    assert_eq!(
        (kl[0], formats[0]["top1_agreement"].as_f64()),
        (0.0, Some(1.0))
    );
    // Fewer bits are further away.
    assert!(0.0 < kl[1] && kl[1] < kl[2] && kl[2] < kl[3], "{kl:?}");
    let bytes = each(&report["formats"], "weight_bytes");
    assert!(
        bytes[0] == bytes[1] && bytes[1] > bytes[2] && bytes[2] > bytes[3],
        "{bytes:?}"
    );
    assert_eq!(each(&formats[2]["positions"], "kl").len(), 9);
    assert_eq!(report["ids"].as_array().unwrap().len(), 9);

    let tables = json(&[
        "compare",
        "--model",
        FLOATS,
        "--ids",
        "5,6,7",
        "--formats",
        "f32,q8",
        "--max-new-tokens",
        "6",
        "--quantize-all",
        "--json",
    ]);
    let fewer = tables["formats"][1]["weight_bytes"].as_u64();
    assert!(fewer < formats[2]["weight_bytes"].as_u64());
}

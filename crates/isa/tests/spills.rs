//! A kernel that must spill is found to spill: what `--check` says of others is worth something.

use std::fs;
use std::process::Command;

use serde_json::Value;

/// A kernel with this many live sums per invocation.
fn kernel(sums: usize) -> String {
    let each = |line: &str| -> String {
        let lines = (0..sums).map(|sum| line.replace('$', &sum.to_string()));
        lines.collect()
    };
    format!(
        "const WEIGHTS_PER_TRIP: u32 = {sums}u;
        @group(0) @binding(0) var<storage, read> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
            {}
            for (var k = 0u; k < arrayLength(&x) / 1024u; k++) {{
                let a = x[k * 64u + id.x];
                {}
            }}
            {}
        }}",
        each("var s$ = x[id.x * 1024u + $u];\n"),
        each("s$ = fma(s$, a, x[k + $u * id.x]);\n"),
        each("y[id.x * 1024u + $u] = s$;\n"),
    )
}

#[test]
fn a_kernel_that_must_spill_is_found() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let run = |sums: usize, option: &str| {
        let file = format!("{folder}/{sums}-sums.wgsl");
        fs::write(&file, kernel(sums)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine-isa"));
        command.args(["--wgsl", &file, option]).output().unwrap()
    };
    let small = run(16, "--check");
    let said = String::from_utf8_lossy(&small.stdout);
    assert!(small.status.success(), "{small:?}");
    if said.contains("not on this machine") {
        println!("{said}");
        return;
    }
    let large = run(400, "--check");
    let said = String::from_utf8_lossy(&large.stderr);
    assert!(!large.status.success() && said.contains("spills"), "{said}");

    let figures = |sums| -> Value {
        let json: Value = serde_json::from_slice(&run(sums, "--json").stdout).unwrap();
        json["kernels"][0]["measured"].clone()
    };
    let (small, large) = (figures(16), figures(400));
    for family in ["RDNA 3", "RDNA 2", "GCN"] {
        let (small, large) = (&small[family], &large[family]);
        let number = |of: &Value, name: &str| of[name].as_u64().unwrap();
        assert_eq!(number(small, "spilled_vgprs"), 0, "{small}");
        assert!(number(large, "spilled_vgprs") > 0, "{large}");
        assert!(number(large, "scratch_bytes") > 0, "{large}");
        assert!(number(large, "waves") < number(small, "waves"), "{large}");
        // A multiply-add and a load for each sum, at least.
        let inner = &small["inner"];
        assert!(number(&inner["mix"], "fma") >= 16, "{inner}");
        assert!(number(inner, "instructions") >= 32, "{inner}");
        assert_eq!(inner["unit"]["per_trip"].as_f64(), Some(16.0), "{inner}");
    }
}

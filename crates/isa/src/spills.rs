//! A kernel that must spill is found to spill: what `--check` says of others is worth something.

use std::path::Path;
use std::process::Command;

use vitrine_gpu::Binding;

use crate::families::Family;
use crate::measured::Measured;
use crate::null_device::NullDevice;
use crate::{driver, spirv};

/// Sums of a lane, as many as are given, all of them in use at a time.
fn kernel(sums: usize) -> String {
    let each = |line: &str| {
        (0..sums)
            .map(|i| line.replace('$', &i.to_string()))
            .collect::<String>()
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
        // Each needs the one before it, and so all of them are there at the end of a trip.
        each("s$ = fma(s$, a, x[k + $u * id.x]);\n"),
        each("y[id.x * 1024u + $u] = s$;\n"),
    )
}

/// In a process that sees nothing but the device that only compiles.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn in_a_process_of_its_own() {
    let device = NullDevice::open().unwrap();
    let measure = |sums| {
        let spirv = spirv::of_wgsl(&kernel(sums)).unwrap();
        let bindings = [Binding::Read, Binding::ReadWrite];
        let compiled = device.compile(&spirv.words, &bindings).unwrap();
        Measured::new(&compiled).unwrap().with_unit(spirv.unit)
    };
    let small = measure(16);
    assert!(!small.spills(), "{small:?}");
    let per_unit = small.per_unit().unwrap();
    assert!((1.0..16.0).contains(&per_unit), "{small:?}");
    let large = measure(400);
    assert!(large.spills() && large.spilled_vgprs > 0, "{large:?}");
    assert!(large.waves < small.waves, "{large:?}");
}

#[test]
fn a_kernel_that_must_spill_is_found() {
    let Some(icd) = driver::find(None) else {
        println!("RADV is not on this machine: nothing was compiled.");
        return;
    };
    for family in Family::ALL {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "spills::in_a_process_of_its_own"]);
        let chip = chip(&icd, family);
        driver::pretend(&mut command, &icd, family, chip);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{family}: {said}"
        );
    }
}

/// As [`driver::chip`], which asks this program and not its tests.
fn chip(icd: &Path, family: Family) -> &'static str {
    let knows = |name: &&&str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "spills::there_is_a_device"]);
        driver::pretend(&mut command, icd, family, name);
        command.output().unwrap().status.success()
    };
    let names = family.radv_names();
    names.iter().find(knows).copied().unwrap()
}

#[test]
#[ignore = "asked by the test above, in a process of its own"]
fn there_is_a_device() {
    NullDevice::open().unwrap();
}

//! Prints the WGSL of a kernel as it runs, with its comments:
//!
//! `cargo run -p vitrine-kernels --example print -- matmul/vec q4_k`
//!
//! The first argument is the kernel, a path below `shaders/`; each further one is a word that the permutation's
//! label must have: a weight format, a flag as `NORM`, a constant as `SLICES=8`. Without arguments it lists the
//! kernels, with `--all` it prints every permutation that fits and not the first alone.

use std::collections::BTreeSet;
use std::process::ExitCode;

use vitrine_gpu::ShaderSource;
use vitrine_kernels::{permutations, subgroup_permutations};

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let all = words.iter().any(|word| word == "--all");
    words.retain(|word| word != "--all");
    let sources = [permutations(), subgroup_permutations()].concat();
    let Some((kernel, wanted)) = words.split_first() else {
        let names: BTreeSet<_> = sources.iter().map(|source| source.name).collect();
        for name in names {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let fits = |source: &&ShaderSource| {
        let label = source.label().to_lowercase();
        let mut words = label.split([' ', '=', '/']);
        let has = |word: &String| {
            let word = word.to_lowercase();
            words.clone().any(|known| known == word) || label.contains(&format!(" {word}"))
        };
        source.name == kernel && wanted.iter().all(has) && words.next().is_some()
    };
    let found: Vec<_> = sources.iter().filter(fits).collect();
    if found.is_empty() {
        eprintln!(
            "error: no permutation of {kernel} has {}",
            wanted.join(" and ")
        );
        return ExitCode::FAILURE;
    }
    for source in &found[..if all { found.len() } else { 1 }] {
        match source.wgsl() {
            Ok(wgsl) => println!("// {}\n{wgsl}", source.label()),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

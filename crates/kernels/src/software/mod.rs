//! Kernels that only software adapters (lavapipe, SwiftShader) use: `shaders/software/`.

pub(crate) mod attention;
pub(crate) mod cache;
mod matmul;
mod tiling;

pub(crate) use matmul::{has_whole_texels, matmul};
pub use tiling::{MatmulTiling, SHARED_LANES, XBinding};

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use vitrine_gpu::Binding;

    use crate::{FRAGMENTS, fragment, permutations};

    /// The files that refer to this folder, each in an arm of a `match` or a condition on the tier.
    const DOORS: [&str; 10] = [
        "attention.rs",
        "cache_layout.rs",
        "lib.rs",
        "matmul/choose.rs",
        "matmul/mod.rs",
        "matmul/tiling.rs",
        "packed.rs",
        "permutations.rs",
        "permutations/matmuls.rs",
        "rope_kv_append.rs",
    ];

    fn naming(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().display());
            if path.is_dir() {
                if name != "software" {
                    naming(&path, &format!("{name}/"), found);
                }
            } else if code(&path).contains("software") {
                found.push(name);
            }
        }
    }

    /// The text without comments, and without the question that the tier answers.
    fn code(path: &Path) -> String {
        let text = fs::read_to_string(path).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<String>().replace("is_software", "")
    }

    #[test]
    fn few_files_name_this_folder() {
        let mut found = Vec::new();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        naming(&source, "", &mut found);
        found.sort();
        assert_eq!(found, DOORS);
    }

    #[test]
    fn kernels_of_real_gpus_take_nothing_from_it() {
        for (name, text) in FRAGMENTS {
            let imports = text
                .lines()
                .any(|line| line.starts_with("#import") && line.contains("software/"));
            assert!(!imports || name.starts_with("software/"), "{name}");
        }
        let is_texture = |binding: &Binding| {
            !matches!(
                binding,
                Binding::Read | Binding::ReadWrite | Binding::Uniform
            )
        };
        let (of_software, of_gpus): (Vec<_>, Vec<_>) = permutations().into_iter().partition(|it| {
            it.name.starts_with("software/")
                || it.bindings.iter().any(|(_, binding)| is_texture(binding))
        });
        let numbers = fragment("software/numbers");
        let takes = |text: &str| {
            FRAGMENTS
                .iter()
                .any(|(name, it)| name.starts_with("software/") && *it == text)
        };
        for source in &of_gpus {
            let unit = source.units.iter().find(|(_, text)| takes(text));
            assert!(unit.is_none(), "{}", source.label());
        }
        // Control.
        assert!(
            of_software
                .iter()
                .any(|it| it.units.iter().any(|(_, text)| *text == numbers))
        );
        assert!(of_gpus.len() > 100);
    }
}

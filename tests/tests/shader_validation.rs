//! naga accepts every permutation of every kernel. The page's test has Chromium's compiler, which
//! refuses more, look at the same list.

use std::collections::BTreeSet;

use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};
use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{Binding, Constant, ShaderSource, StoreKind};
use vitrine_kernels::{
    Attention, AttentionForm, AttentionShape, CacheLayout, Dtype, permutations,
    subgroup_permutations,
};

/// What every WebGPU implementation has: halves packed in a u32.
const CORE: Capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;

fn validate(wgsl: &str) -> Result<(), String> {
    validate_with(CORE, wgsl)
}

fn validate_with(capabilities: Capabilities, wgsl: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|error| error.emit_to_string(wgsl))?;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator
        .subgroup_stages(ShaderStages::COMPUTE)
        .subgroup_operations(SubgroupOperationSet::all())
        .validate(&module)
        .map(drop)
        .map_err(|error| error.emit_to_string(wgsl))
}

#[test]
fn every_permutation_is_valid() {
    let all = permutations();
    assert!(all.len() > 50, "only {} permutations", all.len());
    for source in &all {
        let wgsl = source.wgsl().unwrap();
        validate(&wgsl).unwrap_or_else(|error| panic!("{}: {error}", source.label()));
    }
}

#[test]
fn those_with_subgroups_are_valid_where_there_are_such() {
    let all = subgroup_permutations();
    assert!(all.len() > 50, "only {} permutations", all.len());
    for source in &all {
        let wgsl = source.wgsl().unwrap();
        validate_with(CORE | Capabilities::SUBGROUP, &wgsl)
            .unwrap_or_else(|error| panic!("{}: {error}", source.label()));
        assert!(validate(&wgsl).is_err(), "the control: {}", source.label());
        // When naga knows the directive, browsers need no text of their own.
        let asked = source.browser_wgsl().unwrap();
        assert!(naga::front::wgsl::parse_str(&asked).is_err());
    }
}

/// A unit that nothing imports is code that nobody runs.
#[test]
fn every_unit_is_imported_by_its_name() {
    let all = [permutations(), subgroup_permutations()].concat();
    let fragments = all[0].fragments.iter().map(|(_, text)| *text);
    let texts: BTreeSet<&str> = fragments.chain(all.iter().map(|it| it.template)).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let imports = lines.filter_map(|line| line.strip_prefix("#import "));
    let imported: BTreeSet<&str> = imports.flat_map(|names| names.split(", ")).collect();
    for source in &all {
        for (unit, _) in &source.units {
            assert!(imported.contains(unit), "{unit} of {}", source.label());
        }
    }
    // Control: by its path a fragment is the same in every permutation.
    assert!(!imported.contains("formats/numbers"));
}

/// A load past the end of a uniform is another value in browsers, and natively the right one.
#[test]
fn the_x_of_a_projection_holds_its_rows() {
    let all = [permutations(), subgroup_permutations()].concat();
    let mut formats = BTreeSet::new();
    for source in all
        .iter()
        .filter(|it| it.label().contains(" x=software/x_uniform "))
    {
        let constant = |wanted: &str| -> u32 {
            let mut all = source.constants.iter();
            match all.find(|(name, _)| *name == wanted) {
                Some((_, Constant::U32(value))) => *value,
                other => panic!("{wanted} is {other:?}"),
            }
        };
        let packed = source.label().contains(" product=software/product_bytes ");
        let half = source.flags.contains(&"HALF");
        formats.insert((packed, half));
        // Two of their vec4s of halves are 16 bytes.
        let per_element = if half && !packed { 2 } else { 1 };
        let wanted = constant("X_ROW") * constant("COLS") / per_element;

        let module = naga::front::wgsl::parse_str(&source.wgsl().unwrap()).unwrap();
        let mut globals = module.global_variables.iter();
        let (_, x) = globals
            .find(|(_, it)| it.name.as_deref() == Some("x"))
            .unwrap();
        let naga::TypeInner::Array { size, stride, .. } = module.types[x.ty].inner else {
            panic!("{}: x is no array", source.label());
        };
        let elements = std::num::NonZeroU32::new(wanted).map(naga::ArraySize::Constant);
        assert_eq!((Some(size), stride), (elements, 16), "{}", source.label());
    }
    // In each format that x has, and packed where other activations are halves.
    assert_eq!(formats.len(), 4, "{formats:?}");
}

#[test]
fn the_list_has_every_kernel() {
    let shaders = concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders");
    let all = [permutations(), subgroup_permutations()].concat();
    let listed: Vec<&str> = all.iter().map(|source| source.name).collect();
    for folder in ["", "matmul/", "attention/", "software/"] {
        let Ok(entries) = std::fs::read_dir(format!("{shaders}/{folder}")) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let is_kernel =
                path.is_file() && std::fs::read_to_string(&path).unwrap().contains("@compute");
            let name = format!("{folder}{}", path.file_stem().unwrap().display());
            assert!(
                !is_kernel || listed.contains(&name.as_str()),
                "{name} is in no permutation"
            );
        }
    }
}

/// Bytes that the invocations of a workgroup share.
fn workgroup_memory(source: &ShaderSource) -> Result<u32, Box<dyn std::error::Error>> {
    let module = naga::front::wgsl::parse_str(&source.wgsl()?)?;
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx())?;
    let shared = module.global_variables.iter();
    let shared = shared.filter(|(_, it)| it.space == naga::AddressSpace::WorkGroup);
    Ok(shared
        .map(|(_, it)| layouter[it.ty].size.next_multiple_of(16))
        .sum())
}

/// WebGPU promises 16 KiB.
const MOST_WORKGROUP_MEMORY: u32 = 16 * 1024;

#[test]
fn workgroup_memory_is_what_every_device_has() {
    for source in [permutations(), subgroup_permutations()].concat() {
        let bytes = workgroup_memory(&source).unwrap();
        assert!(
            bytes <= MOST_WORKGROUP_MEMORY,
            "{bytes}: {}",
            source.label()
        );
    }
}

/// Each size of a head that a model may have, for each number of query heads that share it.
#[test]
fn attention_has_room_for_every_head() {
    let mut most = 0;
    for head_dim in (2..=Attention::MOST_HEAD_DIM).step_by(2) {
        for dtype in [KvDtype::F32, KvDtype::F16, KvDtype::Q8] {
            for group in [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 71] {
                for form in [AttentionForm::Prompt, AttentionForm::Token] {
                    if !head_dim.is_multiple_of(dtype.head_multiple()) || head_dim % 64 > 12 {
                        continue;
                    }
                    let attention = Attention {
                        heads: group,
                        kv_heads: 1,
                        out_stride: group * head_dim,
                        scale: 0.1,
                        sliding_window: None,
                        cache: CacheLayout {
                            head_dim,
                            rope_pairs: 0,
                            dtype,
                            store: StoreKind::Buffer,
                        },
                        dtype: Dtype::F32,
                        stats: false,
                        shape: AttentionShape {
                            form,
                            splits: 1,
                            least_pages: 1,
                        },
                    };
                    for source in attention.sources() {
                        let bytes = workgroup_memory(&source).unwrap();
                        assert!(
                            bytes <= MOST_WORKGROUP_MEMORY,
                            "{bytes}: {}",
                            source.label()
                        );
                        most = most.max(bytes);
                    }
                }
            }
        }
    }
    // Control: something is counted.
    assert!(most > MOST_WORKGROUP_MEMORY / 2, "{most}");
}

/// Control: the test can fail.
#[test]
fn mistakes_are_found() {
    let mut source = permutations().remove(0);
    source.constants.retain(|(name, _)| *name != "K_BLOCKS");
    assert!(validate(&source.wgsl().unwrap()).is_err());
}

/// A binding that no line of the template declares would still be asked of who dispatches it.
#[test]
fn every_binding_is_declared_by_its_name() {
    for source in [permutations(), subgroup_permutations()].concat() {
        let module = naga::front::wgsl::parse_str(&source.wgsl().unwrap()).unwrap();
        let mut declared: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, it)| Some((it.binding?.binding, it.name.as_deref()?)))
            .collect();
        declared.sort_unstable();
        let names = source.bindings.iter().map(|(name, _)| *name);
        let listed: Vec<_> = (0..).zip(names).collect();
        assert_eq!(declared, listed, "{}", source.label());
    }
}

/// Browsers have ten storage buffers for a kernel, and plans ask for no more there.
#[test]
fn kernels_bind_no_more_storage_buffers_than_browsers_have() {
    for source in [permutations(), subgroup_permutations()].concat() {
        let storage = |it: &&Binding| matches!(it, Binding::Read | Binding::ReadWrite);
        let kinds = || source.bindings.iter().map(|(_, binding)| binding);
        let buffers = kinds().filter(storage).count();
        assert!(buffers <= 10, "{buffers}: {}", source.label());
        let texture =
            |it: &&Binding| matches!(it, Binding::StorageTexture | Binding::WrittenTexture);
        let textures = kinds().filter(texture).count();
        assert!(textures <= 4, "{textures} textures: {}", source.label());
    }
}

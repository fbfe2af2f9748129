//! GGUF files.

use vitrine_checkpoint::Rope;
use vitrine_checkpoint::files::choose;

use crate::gguf_editor::{ARRAY, F32, GgufParts, STRING, U32, integers, string};
use crate::{Files, assert_refused, fixture, open};

fn parts(name: &str) -> GgufParts {
    GgufParts::read(&fixture(&format!("gguf/{name}"))["model.gguf"])
}

fn one(file: &GgufParts) -> Files {
    Files::from([("model.gguf".to_owned(), file.write())])
}

fn ropes(file: &GgufParts) -> Vec<Rope> {
    open(&one(file)).unwrap().0.ropes
}

#[test]
fn the_editor_keeps_a_file() {
    let (config, tensors) = open(&fixture("gguf/llama")).unwrap();
    let again = open(&one(&parts("llama"))).unwrap();
    assert_eq!((again.0, again.1), (config, tensors));
}

/// As llama.cpp reads it: a factor without a type is linear, and 0 and 1 change nothing.
#[test]
fn a_rotary_factor_needs_no_type() {
    let linear = parts("llama-linear");
    let (kind, factor) = ("llama.rope.scaling.type", "llama.rope.scaling.factor");
    let typed = ropes(&linear);
    let plain = ropes(&linear.clone().without(kind).without(factor));
    assert_ne!(typed, plain);
    assert_eq!(ropes(&linear.clone().without(kind)), typed);
    let value = linear
        .keys
        .iter()
        .find(|key| key.0 == factor)
        .unwrap()
        .2
        .clone();
    let older = linear.clone().without(kind).without(factor);
    assert_eq!(
        ropes(&older.with("llama.rope.scale_linear", F32, value)),
        typed
    );
    assert_eq!(
        ropes(&linear.clone().with(kind, STRING, string("none"))),
        plain
    );
    for neutral in [0f32, 1.0] {
        let value = neutral.to_le_bytes().to_vec();
        assert_eq!(ropes(&linear.clone().with(factor, F32, value)), plain);
    }
}

#[test]
fn one_number_for_each_layer() {
    let key = "llama.attention.head_count_kv";
    let file = parts("llama");
    let usual = open(&one(&file)).unwrap().0;
    let (layers, heads) = (usual.num_hidden_layers(), usual.num_key_value_heads);
    let same = file
        .clone()
        .with(key, ARRAY, integers(&vec![heads; layers as usize]));
    assert_eq!(open(&one(&same)).unwrap().0, usual);
    let mut uneven = vec![heads; layers as usize];
    uneven[0] += 1;
    let uneven = file.with(key, ARRAY, integers(&uneven));
    assert_refused(&one(&uneven), &[key, "each layer", "not supported"]);
}

#[test]
fn files_of_other_kinds_are_named() {
    let of_type = |kind: &str| one(&parts("llama").with("general.type", STRING, string(kind)));
    assert_refused(&of_type("adapter"), &["adapter", "LoRA"]);
    assert_refused(&of_type("mmproj"), &["image encoder"]);
    let clip = parts("llama").with("general.architecture", STRING, string("clip"));
    assert_refused(&one(&clip), &["image encoder"]);
    let mut file = parts("llama").write();
    file[4..8].reverse();
    assert_refused(
        &Files::from([("model.gguf".to_owned(), file)]),
        &["big-endian"],
    );
}

#[test]
fn the_parts_of_a_split_file_are_one_model() {
    let whole = parts("llama");
    let number = |value: u32| value.to_le_bytes().to_vec();
    let part = |no: u32, tensors: &[(String, Vec<u64>, u32, Vec<u8>)], keys: bool| {
        GgufParts {
            keys: if keys { whole.keys.clone() } else { Vec::new() },
            tensors: tensors.to_vec(),
        }
        .with("split.no", U32, number(no))
        .with("split.count", U32, number(3))
        .write()
    };
    let (first, rest) = whole.tensors.split_at(4);
    let (second, third) = rest.split_at(rest.len() / 2);
    let name = |number: u32| format!("tiny-{number:05}-of-00003.gguf");
    let mut files = Files::from([
        (name(1), part(0, first, true)),
        (name(2), part(1, second, false)),
        (name(3), part(2, third, false)),
    ]);
    let wanted = open(&one(&whole)).unwrap();
    let got = open(&files).unwrap();
    assert_eq!((&got.0, &got.1), (&wanted.0, &wanted.1));
    let alone = Files::from([("model.gguf".to_owned(), files[&name(2)].clone())]);
    assert_refused(&alone, &["part 2", "3 files"]);
    files.remove(&name(2));
    assert_refused(&files, &[&name(2), "missing"]);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert!(choose(&names).is_err());
}

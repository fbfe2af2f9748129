//! Models of this computer: picked, dropped, kept.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    slice::from_ref,
};

use serde_json::{Map, json};

use crate::{
    app::{App, LATE},
    reference::{Reference, architectures},
    session::in_browser,
};

/// Limit of wasm memory, whatever the model's size.
const MOST_WASM_BYTES: u64 = 256 << 20;

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn picked_and_dropped_models_write_what_transformers_writes() {
    in_browser("local", async |session| {
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;

        let llama = Reference::new("random-llama");
        app.pick("pick-files", &llama.files()).await;
        app.wait_until_loaded().await;
        llama.check(&app).await;
        assert_eq!(app.stored().await, [], "nobody asked to keep it");

        let quantized = Reference::new("random-quantized");
        app.drop_files(&quantized.files()).await;
        app.wait_until_loaded().await;
        assert_eq!(
            app.tokens("generated").await,
            [],
            "the strip is of the old model"
        );
        quantized.check(&app).await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn folders_of_all_architectures_write_what_transformers_writes() {
    in_browser("architectures", async |session| {
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
        for (index, model) in architectures().into_iter().enumerate() {
            // Every way in which a folder comes into the page.
            match index {
                0 => app.pick("pick-folder", from_ref(&model.folder)).await,
                1 => app.drop_files(from_ref(&model.folder)).await,
                _ => app.pick("pick-files", &model.files()).await,
            }
            app.wait_until_loaded().await;
            model.check(&app).await;
        }
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_large_model_takes_little_wasm_memory() {
    in_browser("large", async |session| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large-model");
        let bytes = write_large_llama(&folder);
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
        let files = ["config.json", "model.safetensors"].map(|name| folder.join(name));
        app.pick("pick-files", &files).await;
        app.wait_until_loaded().await;
        app.generate_from_ids(&[1, 2, 3], 1).await;
        app.wait_until_generated().await;
        assert_eq!(app.tokens("generated").await.len(), 1);

        let wasm = app.attribute("from-storage", "data-wasm-bytes").await;
        let wasm: u64 = wasm.unwrap().parse().unwrap();
        println!("{wasm} bytes of wasm memory for a model of {bytes}");
        assert!(wasm <= MOST_WASM_BYTES && wasm < bytes / 2, "{wasm}");
        fs::remove_dir_all(&folder).unwrap();
    });
}

/// Writes a llama of some hundred megabytes in bfloat16; gives their number.
fn write_large_llama(folder: &Path) -> u64 {
    let (hidden, intermediate, layers, vocab) = (1024, 4096, 12, 16_000);
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
        "hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers,
        "num_attention_heads": 16, "num_key_value_heads": 16, "vocab_size": vocab,
        "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": false,
    });
    let mut tensors = vec![
        ("model.embed_tokens".to_owned(), vec![vocab, hidden]),
        ("model.norm".to_owned(), vec![hidden]),
        ("lm_head".to_owned(), vec![vocab, hidden]),
    ];
    for layer in 0..layers {
        for (name, shape) in [
            ("input_layernorm", vec![hidden]),
            ("post_attention_layernorm", vec![hidden]),
            ("self_attn.q_proj", vec![hidden, hidden]),
            ("self_attn.k_proj", vec![hidden, hidden]),
            ("self_attn.v_proj", vec![hidden, hidden]),
            ("self_attn.o_proj", vec![hidden, hidden]),
            ("mlp.gate_proj", vec![intermediate, hidden]),
            ("mlp.up_proj", vec![intermediate, hidden]),
            ("mlp.down_proj", vec![hidden, intermediate]),
        ] {
            tensors.push((format!("model.layers.{layer}.{name}"), shape));
        }
    }
    let mut header = Map::new();
    let mut end: u64 = 0;
    for (name, shape) in &tensors {
        let start = end;
        end += 2 * shape.iter().product::<u64>();
        let entry = json!({ "dtype": "BF16", "shape": shape, "data_offsets": [start, end] });
        header.insert(format!("{name}.weight"), entry);
    }
    let header = json!(header).to_string();

    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let mut file = BufWriter::new(File::create(folder.join("model.safetensors")).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    // Values around a hundredth, of either sign.
    let mut state = 1_u32;
    let block: Vec<u8> = (0..1 << 20)
        .flat_map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bits = 0x3c00 | (state >> 25) as u16 | ((state >> 24) as u16 & 1) << 15;
            bits.to_le_bytes()
        })
        .collect();
    let mut left = end as usize;
    while left > 0 {
        let count = left.min(block.len());
        file.write_all(&block[..count]).unwrap();
        left -= count;
    }
    file.flush().unwrap();
    end
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_kept_model_is_there_at_the_next_visit_until_it_is_deleted() {
    in_browser("kept", async |session| {
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
        app.set_checked("keep-picked", true).await;
        let llama = Reference::new("random-llama");
        app.pick("pick-files", &llama.files()).await;
        app.wait_for_state(&["ready"], LATE).await;
        let bytes = fs::metadata(&llama.files()[0]).unwrap().len();
        let stored = app.wait_for_stored(|stored| stored.len() == 1).await;
        assert_eq!(
            (stored[0].bytes, stored[0].done, stored[0].complete),
            (bytes, bytes, true)
        );

        let app = App::open(&session).await;
        app.wait_for_state(&["ready"], LATE).await;
        assert_eq!(
            app.attribute("from-storage", "data-value").await.as_deref(),
            Some("true")
        );
        llama.check(&app).await;

        app.stored().await;
        app.click("stored-delete").await;
        app.wait_for_stored(<[_]>::is_empty).await;
        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn files_that_are_not_a_model_are_refused() {
    in_browser("refused", async |session| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("refused");
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let letter = file("letter.gguf", "This is a letter.");
        let weights = file("model.safetensors", "no weights");
        let config = file("config.json", r#"{"architectures":["UnknownForCausalLM"]}"#);
        let first = file("model-00001-of-00002.safetensors", "no weights");

        let app = App::open(&session).await;
        app.wait_for_state(&["no_model"], LATE).await;
        app.pick("pick-files", from_ref(&weights)).await;
        let said = app.wait_for_error("model").await;
        assert!(said.contains("config.json"), "{said}");
        app.pick("pick-files", &[config.clone(), first]).await;
        let said = app.wait_for_error("model").await;
        assert!(said.contains("model-00002-of-00002.safetensors"), "{said}");
        app.pick("pick-files", &[letter]).await;
        let said = app.wait_for_error("model").await;
        assert!(said.contains("GGUF"), "{said}");

        // After all that a model can still be loaded.
        let llama = Reference::new("random-llama");
        app.pick("pick-files", &llama.files()).await;
        app.wait_for_state(&["ready"], LATE).await;
        assert_eq!(app.count("error").await, 0);
        // A file that is not a model keeps the loaded one.
        app.pick("pick-files", &[weights]).await;
        app.wait_for_error("model").await;
        assert_eq!(app.state().await, "ready");
        app.click("dismiss").await;
        llama.check(&app).await;
    });
}

//! Questions and their answers, as the worker hands them on.

use pollster::block_on;
use vitrine_engine::{Engine, EngineError, LoadOptions, Observer};
use vitrine_protocol::{
    Answer, AnswerPart, BatchRequest, BenchRequest, GenerateRequest, PatchRequest, Prompt,
    Question, Tensor, TensorData, TraceRequest, TuneRequest,
};

use crate::fixture::{Fixture, TOLERANCE, gpu, off, trace};

/// Receives all events, and stops after this many steps.
#[derive(Default)]
struct Listener {
    progress: Vec<(u64, u64)>,
    parts: Vec<AnswerPart>,
    stop_after: Option<usize>,
}

impl Observer for Listener {
    fn progress(&mut self, done: u64, total: u64) {
        self.progress.push((done, total));
    }

    fn part(&mut self, part: AnswerPart) {
        self.parts.push(part);
    }

    fn stop_requested(&mut self) -> bool {
        self.stop_after
            .is_some_and(|after| self.progress.len() >= after)
    }
}

/// Stops after this many parts.
struct Stops(usize);

impl Observer for Stops {
    fn part(&mut self, _part: AnswerPart) {
        self.0 -= 1;
    }

    fn stop_requested(&mut self) -> bool {
        self.0 == 0
    }
}

fn load(name: &'static str) -> (Fixture, Engine) {
    let fixture = Fixture::read(name);
    let engine = fixture.load(&gpu(), &LoadOptions::default());
    (fixture, engine)
}

fn ask(engine: &mut Engine, question: &Question) -> (Answer, Vec<Tensor>) {
    let answered = block_on(engine.ask(question, &mut ())).unwrap();
    (answered.answer, answered.tensors)
}

fn floats(tensor: &Tensor) -> &[f32] {
    match &tensor.data {
        TensorData::F32(values) => values,
        TensorData::U8(_) => panic!("{} is of bytes", tensor.name),
    }
}

#[test]
fn tensors_of_an_answer_are_those_of_the_trace() {
    let (fixture, mut engine) = load("qwen3");
    let taps = ["hidden_states", "attentions.1", "logits"];
    let seen = trace(&mut engine, fixture.prompt(), &taps, vec![]);
    let question = Question::Trace(TraceRequest {
        prompt: fixture.prompt(),
        taps: taps.map(str::to_owned).to_vec(),
        lens: None,
        interventions: vec![],
    });
    let (answer, tensors) = ask(&mut engine, &question);
    let Answer::Trace(report) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(report.tensors.len(), seen.tensors.len());
    for ((header, tensor), wanted) in report.tensors.iter().zip(&tensors).zip(&seen.tensors) {
        assert_eq!(header.name, wanted.tap.to_string());
        let size: u32 = header.shape.iter().product();
        assert_eq!(size as usize, wanted.values.len());
        assert_eq!(floats(tensor), wanted.values);
    }
}

#[test]
fn thumbnails_are_the_highest_of_what_they_stand_for() {
    let (fixture, mut engine) = load("llama");
    let prompt = fixture.prompt();
    let seen = trace(&mut engine, prompt.clone(), &["attentions"], vec![]);
    let n = fixture.document.prompt_ids.len();
    let question = |side| Question::AttentionThumbnails {
        prompt: prompt.clone(),
        side,
    };
    // As many cells as positions: the probabilities themselves, in 255 steps.
    let (answer, tensors) = ask(&mut engine, &question(1000));
    let [
        Tensor {
            shape,
            data: TensorData::U8(cells),
            ..
        },
    ] = &tensors[..]
    else {
        panic!("{tensors:?}");
    };
    let layers = seen.tensors.len();
    let heads = seen.tensors[0].shape[0];
    assert_eq!(shape.as_slice(), [layers, heads, n, n].map(|x| x as u32));
    let probabilities = seen.tensors.iter().flat_map(|tensor| &tensor.values);
    for (cell, probability) in cells.iter().zip(probabilities) {
        assert!((f32::from(*cell) / 255.0 - probability).abs() <= 0.5 / 255.0 + 1e-6);
    }
    let Answer::AttentionThumbnails(report) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(report.heads.len(), layers * heads);

    // One cell for a whole head: the first token attends only to itself.
    let (_, tensors) = ask(&mut engine, &question(1));
    assert_eq!(tensors[0].data, TensorData::U8(vec![255; layers * heads]));

    let (answer, tensors) = ask(
        &mut engine,
        &Question::Attention {
            prompt: prompt.clone(),
            layer: 1,
        },
    );
    assert_eq!(floats(&tensors[0]), seen.tensors[1].values);
    let Answer::Attention(of_layer) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(of_layer.heads, report.heads[heads..2 * heads]);
}

#[test]
fn queries_and_keys_rotate_by_the_reported_frequencies() {
    for (name, turns) in [
        ("llama", true),
        ("qwen3", true),
        ("phi3-longrope-partial", true),
        ("gpt2", false),
    ] {
        let (fixture, mut engine) = load(name);
        let question = Question::Rope {
            prompt: fixture.prompt(),
            layer: 1,
            head: 1,
        };
        let (answer, tensors) = ask(&mut engine, &question);
        let Answer::Rope(report) = answer else {
            panic!("{answer:?}");
        };
        let names: Vec<&str> = tensors.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["q_proj.1", "k_proj.1", "q.1", "k.1"]);
        assert_eq!(report.rope.is_some(), turns, "{name}");
        let factor = report.rope.as_ref().map_or(1.0, |it| it.attention_factor);
        let half = report.inv_freq.len();
        let head_dim = tensors[0].shape[1] as usize;
        for (before, after) in [(0, 2), (1, 3)] {
            let (before, after) = (floats(&tensors[before]), floats(&tensors[after]));
            let mut turned = before.to_vec();
            for (position, row) in turned.chunks_exact_mut(head_dim).enumerate() {
                for (i, frequency) in report.inv_freq.iter().enumerate() {
                    let (sin, cos) = (position as f32 * frequency).sin_cos();
                    let (a, b) = (row[i], row[i + half]);
                    row[i] = (a * cos - b * sin) * factor;
                    row[i + half] = (b * cos + a * sin) * factor;
                }
            }
            assert!(off(&turned, after) < TOLERANCE, "{name}");
            // Control: they did turn, where they should.
            assert_eq!(off(before, after) > 0.01, turns, "{name}");
        }
    }
}

#[test]
fn the_lens_ranks_the_answer_in_each_layer() {
    let (fixture, mut engine) = load("llama");
    let prompt = fixture.prompt();
    let seen = trace(&mut engine, prompt.clone(), &["lens", "logits"], vec![]);
    let (answer, _) = ask(&mut engine, &Question::Lens { prompt, top: 3 });
    let Answer::Lens(report) = answer else {
        panic!("{answer:?}");
    };
    let vocab = *seen.tensors[0].shape.last().unwrap();
    assert_eq!(report.cells.len(), seen.tensors.len());
    let mut worst = 1;
    for (layer, tensor) in report.cells.iter().zip(&seen.tensors) {
        let rows = tensor.values.chunks_exact(vocab);
        for ((cell, row), answer) in layer.iter().zip(rows).zip(&report.answers) {
            let logit = row[answer.id as usize];
            assert!((cell.answer.logit - logit).abs() < 1e-4);
            let higher = row.iter().filter(|other| **other > logit).count() as u32;
            assert_eq!(cell.answer.rank, higher + 1);
            assert!(cell.answer.probability <= cell.top[0].probability + 1e-9);
            worst = worst.max(cell.answer.rank);
        }
    }
    // In the end it is the answer; control: not everywhere.
    let last = report.cells.last().unwrap();
    assert!(last.iter().all(|cell| cell.answer.rank == 1));
    assert!(worst > 1);
}

#[test]
fn long_answers_come_in_parts_and_can_be_stopped() {
    let (fixture, mut engine) = load("llama");
    let prompt = fixture.prompt();
    let sweep = Question::Sweep {
        prompt: prompt.clone(),
        mean: false,
    };
    let mut listener = Listener::default();
    let Answer::Sweep(report) = block_on(engine.ask(&sweep, &mut listener)).unwrap().answer else {
        panic!();
    };
    let total = report.heads.len() as u64;
    assert_eq!(listener.progress.last(), Some(&(total, total)));
    assert_eq!(listener.parts.len() as u64, total);
    for head in &report.heads {
        assert!(listener.parts.contains(&AnswerPart::Head(head.clone())));
    }

    let before = block_on(engine.next(&prompt, 1)).unwrap();
    let other = Prompt::Ids {
        ids: fixture.document.prompt_ids.iter().rev().copied().collect(),
    };
    let patch = Question::Patch(PatchRequest {
        clean: prompt.clone(),
        corrupt: other,
        site: Default::default(),
        head: None,
        answer: Some(1),
        against: Some(2),
    });
    let race = Question::Race {
        prompt: prompt.clone(),
        max_new_tokens: 8,
    };
    let bench = Question::Bench(BenchRequest {
        prefill: vec![8, 16, 24],
        contexts: vec![],
        new_tokens: 2,
        batches: vec![],
        packets: false,
        no_kv_cache: false,
        runs: 1,
        budget_s: 60.0,
    });
    let mut listener = Stops(2);
    let stopped = block_on(engine.ask(&bench, &mut listener));
    assert!(matches!(stopped, Err(EngineError::Stopped)));
    for question in [sweep, patch, race] {
        let mut listener = Listener {
            stop_after: Some(2),
            ..Listener::default()
        };
        let stopped = block_on(engine.ask(&question, &mut listener));
        assert!(matches!(stopped, Err(EngineError::Stopped)), "{question:?}");
        assert_eq!(listener.progress.len(), 2, "{question:?}");
        // Nothing stays changed.
        assert_eq!(block_on(engine.next(&prompt, 1)).unwrap(), before);
    }
}

/// Measurements are reported again, and stopping changes nothing.
#[test]
fn tilings_are_measured_and_reported() {
    let (_, mut engine) = load("llama");
    let known = Question::Tune { again: None };
    let again = Question::Tune {
        again: Some(TuneRequest {
            prompts: true,
            budget_s: 600.0,
        }),
    };
    let mut ask = |question: &Question, listener: &mut Listener| {
        let answered = block_on(engine.ask(question, listener));
        answered.map(|answered| match answered.answer {
            Answer::Tune(report) => report.kinds,
            other => panic!("{other:?}"),
        })
    };
    let mut listener = Listener {
        stop_after: Some(2),
        ..Listener::default()
    };
    let stopped = ask(&again, &mut listener);
    assert!(matches!(stopped, Err(EngineError::Stopped)));
    assert!(ask(&known, &mut Listener::default()).unwrap().is_empty());

    let measured = ask(&again, &mut Listener::default()).unwrap();
    assert!(measured.iter().any(|kind| kind.tokens == 1));
    assert!(measured.iter().any(|kind| kind.tokens > 1));
    assert_eq!(ask(&known, &mut Listener::default()).unwrap(), measured);
}

#[test]
fn a_batch_reports_each_sequence() {
    let (fixture, mut engine) = load("llama");
    let ids = &fixture.document.prompt_ids;
    let one = |n: usize| GenerateRequest {
        prompt: Prompt::Ids {
            ids: ids[..n].to_vec(),
        },
        max_new_tokens: 3,
        top: 2,
        kv_cache: true,
        packet: Default::default(),
        interventions: vec![],
        sampling: Default::default(),
    };
    let request = BatchRequest {
        sequences: vec![one(3), one(5)],
        width: 2,
    };
    let mut listener = Listener::default();
    let question = Question::Batch(request);
    let Answer::Batch(summary) = block_on(engine.ask(&question, &mut listener))
        .unwrap()
        .answer
    else {
        panic!();
    };
    for (sequence, ended) in (0..).zip(&summary.sequences) {
        let told = listener.parts.iter().filter_map(|part| match part {
            AnswerPart::BatchToken {
                sequence: of, step, ..
            } if *of == sequence => Some(step.piece.id),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<u32>>(), ended.ids);
        assert!(!ended.ids.is_empty());
    }
}

#[test]
fn what_cannot_be_answered_is_refused_in_one_sentence() {
    let (fixture, mut engine) = load("llama");
    let prompt = fixture.prompt();
    let text = |text: &str| Prompt::Text {
        text: text.to_owned(),
    };
    for (question, expected) in [
        (
            Question::Attention {
                prompt: prompt.clone(),
                layer: 99,
            },
            "There is no tap \"attentions.99\"",
        ),
        (
            Question::Rope {
                prompt: prompt.clone(),
                layer: 0,
                head: 99,
            },
            "There is no head 99",
        ),
        (
            Question::Lens {
                prompt: text("no tokenizer"),
                top: 1,
            },
            "This model has no tokenizer",
        ),
        (
            Question::InspectConfig {
                json: "{".to_owned(),
                context: None,
            },
            "config.json",
        ),
        (
            Question::NamedTokens {
                prompt,
                ids: vec![u32::MAX],
                texts: vec![],
            },
            "is not in the vocabulary",
        ),
    ] {
        let error = block_on(engine.ask(&question, &mut ())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_config_is_inspected_without_a_model() {
    let json = include_str!("../../fixtures/architectures/llama/config.json").to_owned();
    let question = Question::InspectConfig {
        json,
        context: Some(10),
    };
    let answered = vitrine_engine::ask_without_model(&question)
        .unwrap()
        .unwrap();
    let Answer::Inspect(of_config) = answered.answer else {
        panic!();
    };
    let (_, mut engine) = load("llama");
    let question = Question::Inspect { context: Some(10) };
    let (answer, _) = ask(&mut engine, &question);
    let Answer::Inspect(of_model) = answer else {
        panic!();
    };
    assert_eq!(of_config.modules, of_model.modules);
    assert_eq!(of_config.kv_cache, of_model.kv_cache);
    assert_eq!(
        of_model.kv_cache.context_bytes,
        10 * of_model.kv_cache.bytes_per_token
    );
    // Only files have number formats.
    assert!(of_config.formats.is_empty() && !of_model.formats.is_empty());
    assert!(vitrine_engine::ask_without_model(&Question::Inspect { context: None }).is_none());
}

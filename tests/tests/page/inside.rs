//! The worker's answers about the inside of a model equal those of the native engine.

use std::path::{Path, PathBuf};

use pollster::block_on;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use vitrine_checkpoint::open_path;
use vitrine_engine::{Comparison, Engine, LoadOptions, Observer, options_of};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{
    Answer, BatchRequest, Command, CompareFormat, CompareRequest, Event, ForkRequest,
    GenerateRequest, Intervention, PacketParts, PatchRequest, Prompt, Question, SamplingParams,
    TensorData, TokenStep, TraceRequest,
};

use crate::session::{Session, in_browser};
use crate::setup;
use crate::worker::{Message, Worker};

/// Of numbers, relative to 1 or to the number itself if it is larger.
const TOLERANCE: f64 = 2e-3;

/// All parts of a packet but the timings, which not every adapter has.
const WATCHED: PacketParts = PacketParts(PacketParts::ALL.0 & !PacketParts::TIMINGS.0);

/// What takes another time each time.
const TIMES: [&str; 8] = [
    "seconds",
    "total_s",
    "elapsed_s",
    "time_ratio",
    "tokens_per_s",
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
    "time_to_first_token_s",
];

/// The first place where two values differ, if they do.
fn difference(native: &Value, page: &Value, place: &str) -> Option<String> {
    let differ = || Some(format!("{place}: {native} natively, {page} in the page"));
    match (native, page) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            ((a - b).abs() / a.abs().max(1.0) > TOLERANCE).then(differ)?
        }
        // A histogram: a value at the border of two bins may fall into either.
        (Value::Array(a), Value::Array(b)) if place.ends_with(".counts") => {
            let counts = |bins: &[Value]| bins.iter().map(|bin| bin.as_f64().unwrap()).collect();
            let (a, b): (Vec<f64>, Vec<f64>) = (counts(a), counts(b));
            let all: f64 = a.iter().sum();
            let moved: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum();
            (all != b.iter().sum::<f64>() || moved > 0.02 * all).then(differ)?
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).find_map(|index| {
                let place = format!("{place}[{index}]");
                match tied(a, index) && a[index]["id"] != b[index]["id"] {
                    true => difference(measure(&a[index]), measure(&b[index]), &place),
                    false => difference(&a[index], &b[index], &place),
                }
            })
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            let mut fields = a.iter().filter(|(key, _)| !TIMES.contains(&key.as_str()));
            fields.find_map(|(key, a)| {
                let b = b.get(key).unwrap_or(&Value::Null);
                difference(a, b, &format!("{place}.{key}"))
            })
        }
        _ => (native != page).then(differ)?,
    }
}

/// What tokens and neurons are ranked by; null for all others.
fn measure(ranked: &Value) -> &Value {
    match &ranked["logit"] {
        Value::Null => &ranked["activation"],
        logit => logit,
    }
}

/// Whether this entry of a ranking may change places with its neighbour, or with one that is not
/// listed.
fn tied(ranking: &[Value], index: usize) -> bool {
    let at = |index: usize| measure(ranking.get(index)?).as_f64().map(f64::abs);
    let Some(here) = at(index) else {
        return false;
    };
    let near = |other: Option<f64>| {
        other.is_some_and(|other| (other - here).abs() < 2.0 * TOLERANCE * here.max(1.0))
    };
    index + 1 == ranking.len() || near(at(index + 1)) || (index > 0 && near(at(index - 1)))
}

fn engine(path: &Path) -> Engine {
    engine_with(path, &LoadOptions::default())
}

fn engine_with(path: &Path, options: &LoadOptions) -> Engine {
    let gpu = block_on(Gpu::request(&AdapterSelector::default())).unwrap();
    let files = open_path(path).unwrap();
    block_on(Engine::load(gpu, &files, options, &mut |_, _, _| {})).unwrap()
}

/// Sorts unordered lists.
fn ordered(mut answer: Answer) -> Answer {
    match &mut answer {
        Answer::Sweep(report) => report.heads.sort_by_key(|head| (head.layer, head.head)),
        // Tokens that moved equally far may change places.
        Answer::Ablate(report) => report.moved.clear(),
        _ => {}
    }
    answer
}

/// The engine's answer.
fn native(engine: &mut Engine, question: &Question) -> Value {
    let answered = block_on(engine.ask(question, &mut ())).unwrap();
    let tensors: Vec<Vec<f64>> = answered
        .tensors
        .into_iter()
        .map(|tensor| match tensor.data {
            TensorData::F32(values) => values.into_iter().map(f64::from).collect(),
            TensorData::U8(values) => values
                .into_iter()
                .map(|cell| f64::from(cell) / 255.0)
                .collect(),
        })
        .collect();
    json!({ "answer": ordered(answered.answer), "tensors": tensors })
}

/// The result of a comparison of formats.
fn compared(path: &Path, request: &CompareRequest) -> Value {
    let mut comparison = Comparison::new(request, 1 << 30);
    for format in &request.formats {
        let options = options_of(*format, &LoadOptions::default());
        let mut engine = engine_with(path, &options);
        block_on(comparison.add(&mut engine, *format)).unwrap();
    }
    json!({ "answer": Answer::Compare(comparison.report()), "tensors": [] })
}

/// The worker's answer.
async fn answer(worker: &Worker<'_>, run: u32, question: Question) -> (Value, Vec<Message>) {
    worker.send(&Command::Ask { run, question }).await;
    let mut messages = worker.until(&["answer"]).await;
    let Message { event, mut tensors } = messages.pop().unwrap();
    let Event::Answer { run: of, answer } = event else {
        panic!("{event:?}");
    };
    assert_eq!(of, run);
    if matches!(*answer, Answer::AttentionThumbnails(_)) {
        let cells = tensors.iter_mut().flatten();
        cells.for_each(|cell| *cell /= 255.0);
    }
    let value = json!({ "answer": ordered(*answer), "tensors": tensors });
    (value, messages)
}

/// Keeps the tokens of a generation.
#[derive(Default)]
struct Steps(Vec<TokenStep>);

impl Observer for Steps {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.0.push(step.clone());
    }
}

fn steps_of(messages: &[Message]) -> Vec<&TokenStep> {
    let steps = messages.iter().filter_map(|message| match &message.event {
        Event::Token { step, .. } => Some(&**step),
        _ => None,
    });
    steps.collect()
}

/// The engine's answers to all of them.
async fn natively(path: PathBuf, questions: Vec<Question>) -> Vec<Value> {
    let answers = spawn_blocking(move || {
        let mut engine = engine(&path);
        let questions = questions.iter();
        let answer = |question: &Question| match question {
            Question::Compare(request) => compared(&path, request),
            _ => native(&mut engine, question),
        };
        questions.map(answer).collect()
    });
    answers.await.unwrap()
}

/// Asks in both places, and compares.
async fn compare(session: &Session, path: PathBuf, questions: Vec<Question>) {
    let wanted = natively(path, questions.clone()).await;
    let worker = Worker::of(session);
    for (run, (question, wanted)) in (100..).zip(questions.into_iter().zip(&wanted)) {
        let what = format!("{question:?}");
        let (got, _) = answer(&worker, run, question).await;
        let found = difference(wanted, &got, "");
        assert_eq!(found, None, "{what}");
    }
}

fn fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/architectures");
    fixtures.join(name)
}

fn without(layer: u32, head: u32) -> Intervention {
    Intervention::Head {
        layer,
        head,
        factor: 0.0,
        mean: false,
    }
}

fn request(prompt: &Prompt, max_new_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: prompt.clone(),
        max_new_tokens,
        top: 5,
        kv_cache: true,
        packet: PacketParts::NONE,
        interventions: vec![],
        sampling: SamplingParams::default(),
    }
}

/// All there is to ask that has one right answer.
fn all_questions(prompt: &Prompt, other: &Prompt) -> Vec<Question> {
    let prompt = || prompt.clone();
    let taps = [
        "hidden_states",
        "attentions",
        "q",
        "k",
        "v",
        "mlp_act",
        "logits",
    ];
    vec![
        Question::Trace(TraceRequest {
            prompt: prompt(),
            taps: taps.map(str::to_owned).to_vec(),
            lens: Some(3),
            interventions: vec![without(1, 0)],
        }),
        Question::AttentionThumbnails {
            prompt: prompt(),
            side: 3,
        },
        Question::Attention {
            prompt: prompt(),
            layer: 1,
        },
        Question::Lens {
            prompt: prompt(),
            top: 2,
        },
        Question::Rope {
            prompt: prompt(),
            layer: 0,
            head: 1,
        },
        Question::Positions {
            prompt: prompt(),
            top: 3,
        },
        Question::NamedTokens {
            prompt: prompt(),
            ids: vec![3, 7],
            texts: vec![],
        },
        Question::Steps {
            prompt: prompt(),
            params: SamplingParams {
                do_sample: true,
                temperature: 0.8,
                top_k: 20,
                top_p: 0.9,
                seed: 11,
                ..SamplingParams::default()
            },
            rows: 5,
        },
        Question::Ablate {
            prompt: prompt(),
            interventions: vec![without(0, 1), Intervention::SkipMlp { layer: 1 }],
            top: 3,
        },
        Question::Sweep {
            prompt: prompt(),
            mean: true,
        },
        Question::Patch(PatchRequest {
            clean: prompt(),
            corrupt: other.clone(),
            site: Default::default(),
            head: None,
            answer: Some(1),
            against: Some(2),
        }),
        Question::Race {
            prompt: prompt(),
            max_new_tokens: 4,
        },
        Question::Batch(BatchRequest {
            sequences: vec![request(&prompt(), 4), request(other, 3)],
            width: 2,
        }),
        Question::Compare(CompareRequest {
            prompt: prompt(),
            max_new_tokens: 3,
            formats: vec![CompareFormat::F32, CompareFormat::F16, CompareFormat::Q8],
        }),
        // The model is as it was.
        Question::Inspect { context: None },
        Question::Ablate {
            prompt: prompt(),
            interventions: vec![],
            top: 3,
        },
    ]
}

/// A question that takes long ends when it is withdrawn, and a generation when it is stopped.
async fn stops(worker: &Worker<'_>, prompt: &Prompt) {
    let sweep = || Question::Sweep {
        prompt: prompt.clone(),
        mean: false,
    };
    let ask = |run| Command::Ask {
        run,
        question: sweep(),
    };
    let command = ask(31);
    worker.send(&command).await;
    worker.send(&ask(32)).await;
    worker.until(&["answer_part"]).await;
    worker.send(&Command::Withdraw { run: 31 }).await;
    worker.send(&Command::Withdraw { run: 32 }).await;
    for run in [31, 32] {
        let messages = worker.until(&["ask_stopped", "answer"]).await;
        let last = messages.last().unwrap();
        assert_eq!(last.event, Event::AskStopped { run });
    }
}

/// A generation with packets, drawn from a seed, and a fork of it.
async fn forks(worker: &Worker<'_>, prompt: &Prompt) {
    let request = GenerateRequest {
        packet: WATCHED,
        sampling: SamplingParams {
            do_sample: true,
            seed: 3,
            ..SamplingParams::default()
        },
        ..request(prompt, 6)
    };
    let fork = ForkRequest {
        position: 6,
        token: 21,
        max_new_tokens: 5,
        top: 5,
        packet: request.packet,
        interventions: vec![],
        sampling: request.sampling.clone(),
    };
    let (asked, forked) = (request.clone(), fork.clone());
    let wanted = spawn_blocking(move || {
        let mut engine = engine(&fixture("gemma3"));
        let (mut trunk, mut branch) = (Steps::default(), Steps::default());
        block_on(engine.generate(&asked, &mut trunk)).unwrap();
        let kept = engine.keep().unwrap();
        block_on(engine.fork(kept, &forked, &mut branch)).unwrap();
        [json!(trunk.0), json!(branch.0)]
    });
    let [trunk, branch] = wanted.await.unwrap();
    worker.send(&Command::Generate { run: 1, request }).await;
    let messages = worker.until(&["finished"]).await;
    let steps = json!(steps_of(&messages));
    assert_eq!(difference(&trunk, &steps, ""), None);

    let command = Command::Fork {
        run: 2,
        of: 1,
        request: fork,
    };
    worker.send(&command).await;
    let messages = worker.until(&["finished"]).await;
    let steps = json!(steps_of(&messages));
    assert_eq!(difference(&branch, &steps, ""), None);
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn a_small_model_answers_as_natively() {
    in_browser("inside", async |session| {
        let worker = Worker::start(&session).await;
        let prompt = Prompt::Ids {
            ids: vec![5, 9, 33, 70, 5, 9, 41, 12],
        };
        let other = Prompt::Ids {
            ids: vec![5, 9, 34, 70, 5, 9, 41, 12],
        };
        worker.load_folder(&fixture("gemma3")).await;
        let questions = all_questions(&prompt, &other);
        compare(&session, fixture("gemma3"), questions).await;
        stops(&worker, &prompt).await;
        forks(&worker, &prompt).await;

        // Control: what differs is found.
        let ablate = |head| Question::Ablate {
            prompt: prompt.clone(),
            interventions: vec![without(1, head)],
            top: 3,
        };
        let wanted = natively(fixture("gemma3"), vec![ablate(0)]).await;
        let (got, _) = answer(&worker, 1, ablate(1)).await;
        assert!(difference(&wanted[0], &got, "").is_some());
    });
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_default_model_answers_as_natively() {
    in_browser("inside-default", async |session| {
        let prompt = Prompt::Text {
            text: "The capital of Japan is".to_owned(),
        };
        let watched = GenerateRequest {
            packet: WATCHED,
            sampling: SamplingParams {
                do_sample: true,
                temperature: 0.7,
                top_p: 0.9,
                seed: 7,
                ..SamplingParams::default()
            },
            ..request(&prompt, 3)
        };
        let questions = vec![
            Question::Tokenize {
                text: "naïve ☕".to_owned(),
                special: true,
            },
            Question::Render {
                user: "Why is the sky blue?".to_owned(),
            },
            Question::Trace(TraceRequest {
                prompt: prompt.clone(),
                taps: vec!["hidden_states.15".to_owned(), "attentions.23".to_owned()],
                lens: None,
                interventions: vec![],
            }),
            Question::Ablate {
                prompt: prompt.clone(),
                interventions: vec![without(23, 4)],
                top: 5,
            },
        ];
        let asked = watched.clone();
        let wanted = spawn_blocking(move || {
            let mut engine = engine(&setup::path("VITRINE_MODEL"));
            let mut steps = Steps::default();
            block_on(engine.generate(&asked, &mut steps)).unwrap();
            json!(steps.0)
        });
        let wanted = wanted.await.unwrap();
        let worker = Worker::start(&session).await;
        worker.load_site_model(false).await;
        let command = Command::Generate {
            run: 1,
            request: watched,
        };
        worker.send(&command).await;
        let messages = worker.until(&["finished"]).await;
        let steps = steps_of(&messages);
        assert_eq!(difference(&wanted, &json!(steps), ""), None);
        compare(&session, setup::path("VITRINE_MODEL"), questions).await;
    });
}
